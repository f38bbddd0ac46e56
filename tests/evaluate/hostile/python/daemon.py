# ends: passed
# because: the program itself has ended well; its daemon is gone with it
# says: left

import os, signal, sys, time

if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        for k in range(1, 65):
            try:
                signal.signal(k, signal.SIG_IGN)
            except (OSError, ValueError):
                pass
        time.sleep(1)
        for place in ("/tmp", "/program", "@HOST_FOLDER@"):
            try:
                open(f"{place}/@MARKER@", "w").write("x")
            except OSError:
                pass
        while True:
            print("ESCAPED: a daemon writes", flush=True)
            time.sleep(0.1)
    os._exit(0)
print("left")
