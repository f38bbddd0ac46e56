// ends: out of memory
// because: OutOfMemoryError: unable to create native thread

public class Problem {
    public static void main(String[] args) {
        while (true) {
            Thread t = new Thread(() -> { try { Thread.sleep(60000); } catch (InterruptedException e) { } });
            t.setDaemon(true);
            t.start();
        }
    }
}
