# ends: passed
# because: every folder ends at its size, and a file at its own
# says: refused 4

import errno

refused = 0
for place in ("/dev/shm", "/tmp", "/program"):
    try:
        for k in range(1000):
            with open(f"{place}/{k}", "wb") as file:
                for _ in range(16):
                    file.write(b"x" * (1 << 20))
    except OSError as error:
        refused += error.errno == errno.ENOSPC
        print(place, k, error.strerror)
try:
    import os

    for k in range(100):
        os.remove(f"/tmp/{k}")
except OSError:
    pass
try:
    with open("/tmp/large", "wb") as file:
        file.truncate(1 << 40)
except OSError as error:
    refused += error.errno == errno.EFBIG
print("refused", refused)
assert refused == 4
