# ends: run timeout, out of memory, crash
# because: they take no space, but time, and memory of the kernel's
# limits: run_seconds=2

import os

k = 0
while True:
    k += 1
    os.mkdir(f"/tmp/{k}")
