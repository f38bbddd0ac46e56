# ends: out of memory
# because: more memory than it may have

x = []
while True:
    x.append(bytearray(1 << 20))
