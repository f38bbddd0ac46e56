# ends: run timeout, out of memory
# because: it takes every refusal; without cgroups, what all share counts for each
# limits: run_seconds=2

import os, time

while True:
    try:
        if os.fork() == 0:
            os.setsid()
    except OSError:
        time.sleep(0.001)
