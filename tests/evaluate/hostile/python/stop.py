# ends: run timeout
# because: a stopped process is no end
# limits: run_seconds=2

import os, signal

os.kill(os.getpid(), signal.SIGSTOP)
