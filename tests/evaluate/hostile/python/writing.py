# ends: passed
# because: nothing outside the two folders can be written
# says: refused: /usr Read-only

import os

places = ["/", "/usr", "/usr/bin", "/usr/lib", "/etc", "/etc/alternatives", "/dev", "/proc", "/proc/sys"]
places += ["/opt", "/opt/langmix", "/bin", "/lib", "/sbin", "@HOST_FOLDER@", "@HOME@", "/var/tmp", "/run"]
places += ["/proc/1/root", "/proc/1/root/etc", "/proc/1/cwd/..", "/dev/pts"]
for place in places:
    for way in (
        lambda at: open(at, "w").write("x"),
        os.mkdir,
        lambda at: os.symlink("/etc/passwd", at),
        lambda at: os.mkfifo(at),
        lambda at: os.mknod(at, 0o20666, os.makedev(1, 1)),
        lambda at: os.link("/program/main.py", at),
    ):
        try:
            way(f"{place}/@MARKER@")
            print("ESCAPED: wrote in", place)
        except OSError as error:
            print("refused:", place, error.strerror)
for path in ("/usr/bin/python3", "/usr/bin/bash", "/etc/ld.so.cache", "/dev/null", "/bin"):
    for way in (
        os.remove,
        lambda at: os.rename(at, "/program/x"),
        lambda at: os.chmod(at, 0o777),
        lambda at: os.chown(at, 65534, 65534),
        lambda at: os.truncate(at, 0),
        lambda at: os.utime(at, (0, 0)),
        lambda at: os.setxattr(at, "user.x", b"x"),
    ):
        try:
            way(path)
            if path != "/dev/null":
                print("ESCAPED: changed", path)
        except OSError as error:
            print("refused:", path, error.strerror)
