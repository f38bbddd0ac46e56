# ends: passed
# because: every one is refused, and it says so
# says: tried

import ctypes, os

libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long
column = ("x86_64", "aarch64").index(os.uname().machine)
buffer = ctypes.create_string_buffer(4096)

def call(name, numbers, *arguments):
    ctypes.set_errno(0)
    given = [ctypes.c_long(a) if isinstance(a, int) else a for a in arguments]
    if libc.syscall(ctypes.c_long(numbers[column]), *given) >= 0:
        print("ESCAPED by", name, bytes(buffer).rstrip(b"\0"))
    else:
        print("refused:", name, os.strerror(ctypes.get_errno()))

for flag in (0x10000000, 0x20000, 0x20000000, 0x40000000, 0x8000000, 0x4000000, 0x2000000):
    call(f"unshare {flag:#x}", (272, 97), flag)
    if column == 0:
        call(f"clone {flag:#x}", (56, 220), flag | 17, 0, 0, 0, 0)
call("clone3 of a user namespace", (435, 435), (ctypes.c_uint64 * 8)(0x10000000, 0, 0, 0, 17, 0, 0, 0), 64)
for name in ("user", "pid", "mnt", "net"):
    number = os.open(f"/proc/1/ns/{name}", os.O_RDONLY)
    call("setns " + name, (308, 268), number, 0)
call("mount", (165, 40), b"none", b"/tmp", b"tmpfs", 0, 0)
call("mount proc", (165, 40), b"proc", b"/program", b"proc", 0, 0)
call("mount writable", (165, 40), 0, b"/usr", 0, 0x20 | 0x1000, 0)
call("umount", (166, 39), b"/proc", 2)
call("fsopen", (430, 430), b"tmpfs", 0)
call("open_tree", (428, 428), -100, b"/", 1)
call("pivot_root", (155, 41), b"/tmp", b"/tmp")
call("chroot", (161, 51), b"/tmp")
call("setuid", (105, 146), 0)
call("setresuid", (117, 147), 0, 0, 0)
call("setgroups", (116, 159), 1, ctypes.byref(ctypes.c_int(0)))
call("capset", (126, 91), ctypes.byref((ctypes.c_uint32 * 2)(0x20080522, 0)),
     ctypes.byref((ctypes.c_uint32 * 6)(0xFFFFFFFF, 0xFFFFFFFF, 0, 0xFFFFFFFF, 0xFFFFFFFF, 0)))
call("ptrace", (101, 117), 16, 1, 0, 0)
call("ptrace of a child", (101, 117), 0, 0, 0, 0)
call("process_vm_readv", (310, 270), 1, 0, 0, 0, 0, 0)
call("pidfd_getfd", (438, 438), os.pidfd_open(1), 1, 0)
call("session keyring", (250, 219), 0, -3, 0)
call("join a keyring", (250, 219), 1, 0)
call("search keys", (250, 219), 10, -3, b"user", b"@KEY@", 0)
call("read the key", (250, 219), 11, @KEY_NUMBER@, buffer, 100)
call("add_key", (248, 217), b"user", b"x", b"x", 1, -4)
call("request_key", (249, 218), b"user", b"@KEY@", 0, 0)
call("bpf", (321, 280), 0, buffer, 128)
call("perf_event_open", (298, 241), buffer, 0, -1, -1, 0)
call("userfaultfd", (323, 282), 1)
call("io_uring_setup", (425, 425), 8, buffer)
call("memfd_create", (319, 279), b"x", 0)
call("memfd_secret", (447, 447), 0)
call("syslog", (103, 116), 3, buffer, 100)
call("reboot", (169, 142), 0xFEE1DEAD, 672274793, 0, 0)
call("settimeofday", (164, 170), buffer, 0)
call("sethostname", (170, 161), b"x", 1)
call("swapon", (167, 224), b"/tmp/x", 0)
call("init_module", (175, 105), buffer, 10, b"")
call("open_by_handle_at", (304, 265), os.open("/", 0), buffer, 0)
call("quotactl", (179, 60), 0x80000700, b"/dev/vda", 0, buffer)
call("acct", (163, 89), b"/tmp/x")
call("nice", (141, 140), 0, 0, -20)
call("real time", (144, 119), 0, 1, ctypes.byref(ctypes.c_int(1)))
call("iopl", (172, 999), 3)
for path in ("/dev/tty", "/dev/stdin", "/dev/ptmx"):
    try:
        number = os.open(path, os.O_RDWR)
    except OSError as error:
        print("refused:", path, error.strerror)
        continue
    if path != "/dev/ptmx":
        call("TIOCSTI " + path, (16, 29), number, 0x5412, b"x")
import resource
for name in ("RLIMIT_NPROC", "RLIMIT_FSIZE", "RLIMIT_CORE"):
    try:
        resource.setrlimit(getattr(resource, name), (-1, -1))
        print("ESCAPED: raised", name)
    except (OSError, ValueError) as error:
        print("refused:", name, error)
print("tried")
