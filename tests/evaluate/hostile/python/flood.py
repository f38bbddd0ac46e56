# ends: output flood
# because: more than is read of any program

import sys

while True:
    sys.stdout.write("x" * 65536)
