# ends: passed, crash
# because: refused, or a signal where the kernel has no such interface
# says: tried x32
# machine: x86_64

import ctypes, mmap, os

libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long
if libc.syscall(0x40000000 | 250, 0, ctypes.c_long(-3), 0) >= 0:  # keyctl of the interface x32
    print("ESCAPED by x32")
print("tried x32", flush=True)
# keyctl of i386, by int 0x80
code = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
code.write(bytes.fromhex("53 b8 20010000 bb 00000000 b9 fdffffff ba 00000000 cd80 5b c3"))
call = ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(code)))
if call() > 0:
    print("ESCAPED by i386")
print("tried i386")
