# ends: passed, out of memory
# because: the kernel refuses sooner or later

import os, socket

kept = []
try:
    while True:
        kept.append(os.pipe())
        os.set_blocking(kept[-1][1], False)
        os.write(kept[-1][1], b"x" * 65536)
except OSError as error:
    print("pipes:", len(kept), error.strerror)
for pair in kept:
    os.close(pair[0]), os.close(pair[1])
kept = []
try:
    while True:
        kept.append(os.openpty())
except OSError as error:
    print("terminals:", len(kept), error.strerror)
