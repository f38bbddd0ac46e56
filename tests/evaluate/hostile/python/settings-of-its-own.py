# ends: passed
# because: settings of its own namespaces are its own; those of the machine stay
# says: tried

for path in ("shmmax", "shmall", "msgmnb", "ns_last_pid", "pid_max"):
    try:
        with open(f"/proc/sys/kernel/{path}", "w") as file:
            file.write("4000")
    except OSError as error:
        print("refused:", path, error.strerror)
print("tried")
