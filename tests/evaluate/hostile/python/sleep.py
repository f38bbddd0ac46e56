# ends: run timeout
# because: it ignores every signal that can be ignored
# limits: run_seconds=2

import signal, time

for k in range(1, 65):
    try:
        signal.signal(k, signal.SIG_IGN)
    except (OSError, ValueError):
        pass
while True:
    time.sleep(60)
