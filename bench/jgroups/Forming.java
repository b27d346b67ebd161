import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.locks.LockSupport;

/**
 * Forming SETTING MEMBERS RUNS: groups whose members are in one JVM, as those of gmsd are in one
 * process. In every second group the first member is up before the others come ("seeded"). The
 * first two groups warm the JVM up.
 */
public final class Forming {
    private static final long PATIENCE = 60_000_000_000L;

    private static final class Watcher implements Stack.Listener {
        Stack stack;
        volatile int size;
        volatile boolean coordinator;
        volatile long at;

        @Override
        public void view(int members, boolean first) {
            at = System.nanoTime();
            coordinator = first;
            size = members;
        }

        @Override
        public void message(byte[] buffer, int offset, int length, boolean own) {}
    }

    public static void main(String[] args) throws Exception {
        int members = Integer.parseInt(args[1]), runs = Integer.parseInt(args[2]);
        for (int run = 0; run <= runs; run++) {
            once(args[0], members, false, run);
            once(args[0], members, true, run);
        }
        System.exit(0);
    }

    private static void once(String setting, int members, boolean seeded, int run) throws Exception {
        String group = "forming-" + run + (seeded ? "-seeded" : "");
        List<Watcher> all = new ArrayList<>();
        for (int i = 0; i < members; i++) {
            Watcher w = new Watcher();
            w.stack = new Stack(setting, w);
            all.add(w);
        }
        if (seeded) all.get(0).stack.connect(group);
        long began = System.nanoTime();
        List<Thread> joining = new ArrayList<>();
        for (Watcher w : all.subList(seeded ? 1 : 0, members)) {
            joining.add(new Thread(() -> {
                try {
                    w.stack.connect(group);
                } catch (Exception e) {
                    e.printStackTrace();
                }
            }));
        }
        for (Thread t : joining) t.start();
        say(seeded ? "form_seeded_all_ms" : "form_all_ms", all, began, run);
        for (Thread t : joining) t.join(20_000);
        Thread.sleep(500);
        if (!seeded) leave(all, run);
        for (Watcher w : all) w.stack.close();
    }

    private static void leave(List<Watcher> all, int run) throws Exception {
        Watcher who = all.stream().filter(w -> !w.coordinator).findFirst().get();
        all.remove(who);
        long began = System.nanoTime();
        Thread leaving = new Thread(who.stack::close);
        leaving.start();
        say("leave_all_ms", all, began, run);
        leaving.join(20_000);
    }

    /** Waits for the view of all; says nothing of the warm-up nor of what did not come. */
    private static void say(String metric, List<Watcher> all, long began, int run) {
        while (!all.stream().allMatch(w -> w.size == all.size())) {
            if (System.nanoTime() - began > PATIENCE) return;
            LockSupport.parkNanos(200_000);
        }
        long last = all.stream().mapToLong(w -> w.at).max().getAsLong();
        if (run > 0) System.out.println("FIGURE " + metric + " " + (last - began) / 1e6 + " " + run);
    }
}
