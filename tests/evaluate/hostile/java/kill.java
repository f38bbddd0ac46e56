// ends: crash
// because: it kills itself

public class Problem {
    public static void main(String[] args) throws Exception {
        new ProcessBuilder("bash", "-c", "kill -9 -1; kill -9 1; kill -9 $PPID").start().waitFor();
        Thread.sleep(60000);
    }
}
