# ends: out of memory, run timeout
# because: it is refused a thread, and waits for those that it has
# limits: run_seconds=2

import threading, time

while True:
    threading.Thread(target=time.sleep, args=(60,)).start()
