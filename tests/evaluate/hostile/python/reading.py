# ends: passed
# because: what is of the machine is not there
# says: environment:

import glob, os


def show(path):
    try:
        with open(path, "rb") as file:
            content = file.read(1 << 20)
    except OSError as error:
        return print("refused:", path, error.strerror)
    print("read:", path, len(content), b"@TOKEN_START@" in content and content)
    if path.endswith(("shadow", "passwd")) or "@HOST_FOLDER@" in path:
        print("ESCAPED by", path)


for path in ("/etc/shadow", "/etc/passwd", "/etc/hostname", "/etc/resolv.conf", "@HOST_FILE@"):
    show(path)
    for root in ("/proc/self/root", "/proc/1/root", "/proc/1/cwd/../../..", "/proc/self/fd/../../1/root"):
        show(root + path)
for pid in (name for name in os.listdir("/proc") if name.isdigit()):
    for name in ("environ", "cmdline", "maps", "mountinfo"):
        show(f"/proc/{pid}/{name}")
assert len([name for name in os.listdir("/proc") if name.isdigit()]) <= 3, "ESCAPED: processes"
for folder in ("@HOME@", "/root", "/home", "@HOST_FOLDER@", "/sys", "/var", "/run", "/boot", "/mnt", "/srv"):
    try:
        print("ESCAPED: sees", folder, os.listdir(folder))
    except OSError as error:
        print("refused:", folder, error.strerror)
assert os.listdir("/program") == ["main.py"], "ESCAPED: /program is not its own"
assert os.listdir("/tmp") == [] and os.listdir("/dev/shm") == [], "ESCAPED: /tmp is not its own"
print("environment:", sorted(os.environ.items()))
assert set(os.environ) <= {"PATH", "HOME", "TMPDIR", "LANG", "PWD", "SHLVL", "_", "OLDPWD"}, "ESCAPED"
