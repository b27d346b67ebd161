import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import org.jgroups.JChannel;
import org.jgroups.Message;
import org.jgroups.ReceiverAdapter;
import org.jgroups.View;
import org.jgroups.conf.XmlConfigurator;

/**
 * A channel of JGroups 2.12. A setting is the name of a stack in the library, as it is there, or
 * with +SEQUENCER (total order) at the place where the library's sequencer.xml has it.
 */
final class Stack {
    interface Listener {
        void view(int members, boolean coordinator);

        void message(byte[] buffer, int offset, int length, boolean own);
    }

    private final JChannel channel;

    Stack(String setting, Listener listener) throws Exception {
        InputStream xml = new ByteArrayInputStream(text(setting).getBytes(StandardCharsets.UTF_8));
        channel = new JChannel(XmlConfigurator.getInstance(xml));
        channel.getProtocolStack().getTransport().setPortRange(200);
        channel.setReceiver(new ReceiverAdapter() {
            @Override
            public void receive(Message m) {
                listener.message(m.getRawBuffer(), m.getOffset(), m.getLength(), m.getSrc().equals(channel.getAddress()));
            }

            @Override
            public void viewAccepted(View v) {
                listener.view(v.size(), v.getMembers().get(0).equals(channel.getAddress()));
            }
        });
    }

    void connect(String group) throws Exception {
        channel.connect(group);
    }

    void send(byte[] payload) throws Exception {
        channel.send(new Message(null, null, payload));
    }

    void close() {
        channel.close();
    }

    private static String text(String setting) throws IOException {
        String name = setting.replace("+SEQUENCER", "");
        String xml;
        try (InputStream in = Stack.class.getResourceAsStream("/" + name)) {
            xml = new String(in.readAllBytes(), StandardCharsets.UTF_8);
        }
        if (name.equals(setting)) return xml;
        String ordered = xml.replaceFirst("<UFC ", "<SEQUENCER/><UFC ");
        if (ordered.equals(xml)) throw new IllegalArgumentException(name + " has no place for a SEQUENCER");
        return ordered;
    }
}
