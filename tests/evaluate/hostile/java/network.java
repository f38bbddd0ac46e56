// ends: passed
// because: every way is refused, and it says so
// says: done

import java.net.*;
public class Problem {
    static void reach(String host, int port) {
        try (Socket s = new Socket()) {
            s.connect(new InetSocketAddress(host, port), 2000);
            System.out.println("ESCAPED to " + host);
        } catch (Exception e) { System.out.println("refused: " + e); }
    }
    public static void main(String[] args) {
        reach("127.0.0.1", @PORT@);
        reach("192.0.2.1", 80);
        reach("langmix.example", 80);
        System.out.println("done");
    }
}
