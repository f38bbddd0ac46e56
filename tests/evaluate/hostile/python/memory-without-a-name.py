# ends: crash
# because: PermissionError: such memory is counted by nothing but a cgroup
# says: Operation not permitted

import ctypes, os

libc = ctypes.CDLL(None, use_errno=True)
number = {"x86_64": 29, "aarch64": 194}[os.uname().machine]
assert libc.syscall(number, 0, 1 << 30, 0o1600) == -1, "ESCAPED: shmget"
for _ in range(100):
    number = os.memfd_create("x")
    print("ESCAPED: memfd_create")
    os.write(number, b"x" * (10 << 20))
