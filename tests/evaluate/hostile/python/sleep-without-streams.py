# ends: run timeout
# because: closed streams are no end
# limits: run_seconds=2

import os, time

os.close(0), os.close(1), os.close(2)
time.sleep(60)
