# ends: out of memory
# because: more memory than it may have

import mmap

kept = []
while True:
    shared = mmap.mmap(-1, 32 << 20)
    shared.write(b"x" * (32 << 20))
    kept.append(shared)
