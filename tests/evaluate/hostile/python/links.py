# ends: passed
# because: a link leads to what is inside
# says: refused: @HOST_FILE@ No such file

import os, shutil

os.remove("main.py")
os.symlink("@HOST_FILE@", "main.py")  # a work file that is a host's
for link, target in (
    ("a", "/etc/shadow"),
    ("b", "/proc/self/root/etc/shadow"),
    ("c", "/proc/1/root/root"),
    ("d", "../../../../../../etc/shadow"),
    ("e", "/proc/self/cwd/../etc/shadow"),
    ("f", "/proc/self/fd/0/../../etc/shadow"),
    ("main.py", "@HOST_FILE@"),
):
    if link != "main.py":
        os.symlink(target, link)
    try:
        print("ESCAPED: read", target, open(link).read(10))
    except OSError as error:
        print("refused:", target, error.strerror)
    try:
        open(link, "a").write("@MARKER@")
        print("ESCAPED: wrote", target)
    except OSError as error:
        print("refused:", target, error.strerror)
try:
    os.link("/usr/bin/su", "su")
    print("ESCAPED: linked")
except OSError as error:
    print("refused:", error.strerror)
shutil.copy("/usr/bin/env", "env")
os.chmod("env", 0o6755)
assert os.stat("env").st_uid == 65534
