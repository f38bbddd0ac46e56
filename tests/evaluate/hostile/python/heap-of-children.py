# ends: out of memory
# because: each has little, all together too much

import os, time

for _ in range(20):
    if os.fork() == 0:
        x = [b"x" * (1 << 20) for _ in range(60)]
        x = [bytearray(y) for y in x]
        time.sleep(60)
        os._exit(0)
codes = [os.wait()[1] for _ in range(20)]
assert not any(codes), codes
