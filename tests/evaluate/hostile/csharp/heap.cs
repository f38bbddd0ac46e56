// ends: out of memory
// because: more memory than it may have

using System.Collections.Generic;
class P { static void Main() {
    var x = new List<byte[]>();
    while (true) { var y = new byte[1 << 20]; for (int k = 0; k < y.Length; k += 512) y[k] = 1; x.Add(y); }
} }
