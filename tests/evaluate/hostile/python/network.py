# ends: passed
# because: every way is refused, and it says so
# says: refused: 40 EAFNOSUPPORT

import errno, os, socket

def reach(family, kind, address):
    with socket.socket(family, kind) as s:
        s.settimeout(2)
        s.connect(address)
        s.send(b"x")
        print("ESCAPED to", address)

TCP, UDP = socket.SOCK_STREAM, socket.SOCK_DGRAM
for what in (
    (socket.AF_INET, TCP, ("192.0.2.1", 80)),
    (socket.AF_INET, UDP, ("192.0.2.1", 53)),
    (socket.AF_INET6, TCP, ("2001:db8::1", 80)),
    (socket.AF_INET, TCP, ("127.0.0.1", @PORT@)),
    (socket.AF_UNIX, TCP, "\0@ABSTRACT@"),
    (socket.AF_UNIX, TCP, "@HOST_FOLDER@/socket"),
):
    try:
        reach(*what)
    except OSError as error:
        print("refused:", what, errno.errorcode[error.errno])
try:
    socket.getaddrinfo("langmix.example", 80)
    print("ESCAPED by a resolver")
except socket.gaierror as error:
    print("refused:", error)
assert not os.path.exists("/etc/resolv.conf")
for family in (17, 38, 40):  # packets, the kernel's ciphers, virtual machines
    try:
        socket.socket(family, socket.SOCK_STREAM if family == 40 else socket.SOCK_RAW)
        print("ESCAPED by the family", family)
    except OSError as error:
        print("refused:", family, errno.errorcode[error.errno])
print("interfaces:", [name for _, name in socket.if_nameindex()])
assert [name for _, name in socket.if_nameindex()] == ["lo"]
