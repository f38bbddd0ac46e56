# ends: out of memory, crash, run timeout
# because: the first process is refused another one sooner or later; its children may go on
# limits: run_seconds=2

import os

while True:
    os.fork()
