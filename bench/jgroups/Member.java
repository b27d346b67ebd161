import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;

/**
 * Member SETTING GROUP: one member of a group, which speaks the lines of package members. Times
 * are System.nanoTime, on Linux the monotonic clock of the machine.
 */
public final class Member implements Stack.Listener {
    private static final int LATENCIES = 1 << 21;

    private final AtomicLong inWindow = new AtomicLong(), last = new AtomicLong();
    private final AtomicInteger all = new AtomicInteger(), mine = new AtomicInteger();
    private final int[] latencies = new int[LATENCIES], ownLatencies = new int[LATENCIES];
    private volatile long open = Long.MAX_VALUE, shut;
    private Stack stack;

    public static void main(String[] args) throws Exception {
        Member m = new Member();
        m.stack = new Stack(args[0], m);
        m.stack.connect(args[1]);
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in));
        for (String line; (line = in.readLine()) != null && line.startsWith("LOAD"); ) m.load(line.split(" "));
        m.stack.close();
        System.exit(0);
    }

    @Override
    public void view(int members, boolean coordinator) {
        say("VIEW " + System.nanoTime() + " " + members + " " + (coordinator ? 1 : 0));
    }

    @Override
    public void message(byte[] buffer, int offset, int length, boolean own) {
        long now = System.nanoTime();
        last.lazySet(now);
        if (now < open || now > shut) return;
        inWindow.incrementAndGet();
        long sent = ByteBuffer.wrap(buffer, offset, 8).getLong();
        if (sent < open) return;
        int us = (int) ((now - sent) / 1000);
        keep(latencies, all, us);
        if (own) keep(ownLatencies, mine, us);
    }

    private static void keep(int[] values, AtomicInteger count, int value) {
        int i = count.getAndIncrement();
        if (i < LATENCIES) values[i] = value;
    }

    // LOAD start open shut size rate sends
    private void load(String[] words) throws Exception {
        long start = Long.parseLong(words[1]), end = Long.parseLong(words[3]);
        int size = Integer.parseInt(words[4]), rate = Integer.parseInt(words[5]);
        inWindow.set(0);
        all.set(0);
        mine.set(0);
        shut = end;
        open = Long.parseLong(words[2]);
        Thread sender = new Thread(() -> send(start, end, size, rate));
        if (words[6].equals("1")) sender.start();
        rest(end - System.nanoTime());
        sender.join(20_000);
        // What is still under way must not arrive in the next load.
        while (System.nanoTime() - last.get() < 500_000_000L && System.nanoTime() < end + 10_000_000_000L) Thread.sleep(20);
        open = Long.MAX_VALUE;
        double seconds = (end - Long.parseLong(words[2])) / 1e9;
        say(String.format(java.util.Locale.ROOT, "RESULT %.1f %s %s", inWindow.get() / seconds, quantiles(latencies, all), quantiles(ownLatencies, mine)));
    }

    private void send(long start, long end, int size, int rate) {
        try {
            long due = start;
            while (System.nanoTime() < end) {
                rest(due - System.nanoTime());
                if (rate > 0) due += 1_000_000_000L / rate;
                byte[] payload = new byte[size];
                ByteBuffer.wrap(payload).putLong(System.nanoTime());
                stack.send(payload);
            }
        } catch (Exception e) {
            e.printStackTrace();
        }
    }

    private static void rest(long nanos) {
        long until = System.nanoTime() + nanos;
        for (long left; (left = until - System.nanoTime()) > 0; ) LockSupport.parkNanos(left);
    }

    /** The median and the 99th percentile, in microseconds; -1 where there is none. */
    private static String quantiles(int[] values, AtomicInteger count) {
        int n = Math.min(count.get(), LATENCIES);
        if (n == 0) return "-1 -1";
        int[] sorted = Arrays.copyOf(values, n);
        Arrays.sort(sorted);
        return sorted[n / 2] + " " + sorted[(int) (0.99 * (n - 1))];
    }

    private static synchronized void say(String line) {
        System.out.println(line);
        System.out.flush();
    }
}
