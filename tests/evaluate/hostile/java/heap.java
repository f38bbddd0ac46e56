// ends: out of memory
// because: more memory than it may have

import java.util.*;
public class Problem {
    public static void main(String[] args) {
        List<byte[]> x = new ArrayList<>();
        while (true) { byte[] y = new byte[1 << 20]; Arrays.fill(y, (byte) 1); x.add(y); }
    }
}
