# ends: crash
# because: no stream but its own three is there to write to
# says: []

import os, sys

inherited = []
for number in os.listdir("/proc/self/fd"):
    try:
        if int(number) > 2:
            inherited.append(os.readlink(f"/proc/self/fd/{number}"))
    except OSError:
        pass
print(inherited)
if inherited:
    print("ESCAPED: more than three streams")
for number in range(3, 1024):
    try:
        os.write(number, b"up\n0\n")
        print("ESCAPED: wrote to", number)
    except OSError:
        pass
for pid in (name for name in os.listdir("/proc") if name.isdigit()):
    for number in range(3, 64):
        for content in (b"up\n0\n", (1).to_bytes(8, "little")):
            try:
                with open(f"/proc/{pid}/fd/{number}", "wb", buffering=0) as pipe:
                    pipe.write(content)
                print("ESCAPED: wrote to", number, "of", pid)
            except OSError:
                pass
sys.exit(1)
