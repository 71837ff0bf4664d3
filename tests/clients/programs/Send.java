// Composes a message with Jakarta Mail and sends it: STARTTLS, then login.
// Usage: java -cp ... Send.java PORT CA_FILE USER PASSWORD RECIPIENT...
// The text comes on stdin; what was sent goes to stdout, octet for octet.
import jakarta.activation.DataHandler;
import jakarta.mail.Message;
import jakarta.mail.Session;
import jakarta.mail.Transport;
import jakarta.mail.internet.InternetAddress;
import jakarta.mail.internet.MimeBodyPart;
import jakarta.mail.internet.MimeMessage;
import jakarta.mail.internet.MimeMultipart;
import jakarta.mail.util.ByteArrayDataSource;
import java.io.FileInputStream;
import java.nio.charset.StandardCharsets;
import java.security.KeyStore;
import java.security.cert.CertificateFactory;
import java.util.Arrays;
import java.util.Date;
import java.util.Properties;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLSocketFactory;
import javax.net.ssl.TrustManagerFactory;

class Send {
    public static void main(String[] given) throws Exception {
        String user = given[2];
        Properties settings = new Properties();
        settings.put("mail.smtp.host", "127.0.0.1");
        settings.put("mail.smtp.port", given[0]);
        settings.put("mail.smtp.auth", "true");
        settings.put("mail.smtp.starttls.enable", "true");
        settings.put("mail.smtp.starttls.required", "true");
        // It compares names alone, and ours is an address; the authority is checked all the same.
        settings.put("mail.smtp.ssl.checkserveridentity", "false");
        settings.put("mail.smtp.ssl.socketFactory", trusting(given[1]));
        settings.put("mail.smtp.allow8bitmime", "true");
        Session session = Session.getInstance(settings);

        MimeBodyPart text = new MimeBodyPart();
        text.setText(new String(System.in.readAllBytes(), StandardCharsets.UTF_8), "utf-8");
        text.setHeader("Content-Transfer-Encoding", "8bit");
        byte[] octets = new byte[256];
        for (int n = 0; n < octets.length; n++) {
            octets[n] = (byte) n;
        }
        MimeBodyPart attachment = new MimeBodyPart();
        attachment.setDataHandler(
            new DataHandler(new ByteArrayDataSource(octets, "application/octet-stream")));
        attachment.setFileName("添付.bin");

        MimeMessage message = new MimeMessage(session);
        message.setFrom(new InternetAddress(user));
        for (String recipient : Arrays.copyOfRange(given, 4, given.length)) {
            message.addRecipient(Message.RecipientType.TO, new InternetAddress(recipient));
        }
        message.setSubject("月次のお知らせ (Jakarta Mail)", "utf-8");
        message.setSentDate(new Date());
        message.setContent(new MimeMultipart(text, attachment));
        Transport.send(message, user, given[3]);
        message.writeTo(System.out);
        System.out.flush();
    }

    private static SSLSocketFactory trusting(String caFile) throws Exception {
        KeyStore trusted = KeyStore.getInstance(KeyStore.getDefaultType());
        trusted.load(null);
        try (FileInputStream pem = new FileInputStream(caFile)) {
            trusted.setCertificateEntry(
                "ca", CertificateFactory.getInstance("X.509").generateCertificate(pem));
        }
        TrustManagerFactory managers =
            TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        managers.init(trusted);
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(null, managers.getTrustManagers(), null);
        return context.getSocketFactory();
    }
}
