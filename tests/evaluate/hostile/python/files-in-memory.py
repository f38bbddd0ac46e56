# ends: out of memory
# because: files count as memory
# limits: memory=128M disk=512M

for place in ("/program", "/tmp", "/dev/shm"):
    for k in range(1000):
        with open(f"{place}/{k}", "wb") as file:
            for _ in range(30):
                file.write(b"x" * (1 << 20))
