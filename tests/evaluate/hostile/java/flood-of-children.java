// ends: output flood
// because: children write to the same streams

public class Problem {
    public static void main(String[] args) throws Exception {
        for (int k = 0; k < 8; k++) new ProcessBuilder("yes").inheritIO().start();
        Thread.sleep(60000);
    }
}
