# ends: passed
# because: signals reach what is inside alone, and not its first process
# says: alive

import os, signal, time

for pid in (-1, 1, os.getppid()):
    for number in (signal.SIGTERM, signal.SIGKILL, signal.SIGSTOP, signal.SIGSEGV):
        try:
            os.kill(pid, number)
        except OSError as error:
            print("refused:", pid, error.strerror)
for pid in range(2, 70000):
    if pid != os.getpid():
        try:
            os.kill(pid, signal.SIGKILL)
            print("ESCAPED: there is", pid)
        except ProcessLookupError:
            pass
print("alive")
