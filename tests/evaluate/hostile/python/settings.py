# ends: passed
# because: no setting of the kernel can be changed
# says: refused: /proc/sysrq-trigger

import os

for path, content in (
    ("/proc/sysrq-trigger", "c"),
    ("/proc/sys/kernel/hostname", "@MARKER@"),
    ("/proc/sys/kernel/core_pattern", "|/program/x"),
    ("/proc/sys/vm/drop_caches", "3"),
    ("/proc/sys/kernel/randomize_va_space", "0"),
    ("/proc/sys/net/ipv4/ip_forward", "1"),
    ("/proc/sys/user/max_user_namespaces", "1000"),
    ("/proc/self/oom_score_adj", "-1000"),
    ("/proc/1/oom_score_adj", "-900"),
    ("/proc/self/uid_map", "0 0 1"),
    ("/proc/self/setgroups", "allow"),
    ("/proc/self/loginuid", "0"),
    ("/proc/irq/default_smp_affinity", "1"),
    ("/proc/bus/pci/devices", "x"),
    ("/proc/mtrr", "x"),
    ("/sys/kernel/uevent_helper", "/program/x"),
    ("/sys/fs/cgroup/cgroup.procs", "0"),
    ("/dev/kmsg", "@MARKER@"),
    ("/dev/mem", "x"),
    ("/dev/vda", "x"),
):
    try:
        with open(path, "w") as file:
            file.write(content)
        print("ESCAPED: wrote", path)
    except OSError as error:
        print("refused:", path, error.strerror)
