// A test of a program that sends mail, in Java with JUnit 5: it sends by SMTP (Jakarta Mail), and reads by the
// HTTP API what came of it.  `kairan demo` writes host, port, account and key into demo.json.
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import jakarta.mail.Message;
import jakarta.mail.MessagingException;
import jakarta.mail.SendFailedException;
import jakarta.mail.Session;
import jakarta.mail.Transport;
import jakarta.mail.internet.InternetAddress;
import jakarta.mail.internet.MimeMessage;
import java.io.FileInputStream;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.security.KeyStore;
import java.security.cert.CertificateFactory;
import java.util.Properties;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;

@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
class CapturedTest {
    static final String USER = given("USER");
    static final String RECIPIENT = given("RECIPIENT");
    static final String MARKER = given("MARKER");

    static String given(String name) {
        return System.getenv("KAIRAN_" + name);
    }

    // Your program, in place of these lines.
    static void send(String subject) throws Exception {
        Properties settings = new Properties();
        settings.put("mail.smtp.host", given("HOST"));
        settings.put("mail.smtp.port", given("PORT"));
        settings.put("mail.smtp.auth", "true");
        settings.put("mail.smtp.starttls.enable", "true");
        settings.put("mail.smtp.starttls.required", "true");
        settings.put("mail.smtp.ssl.checkserveridentity", "false"); // it compares names alone; ours is an address
        settings.put("mail.smtp.ssl.socketFactory", trusting(given("CA_FILE")).getSocketFactory());
        MimeMessage message = new MimeMessage(Session.getInstance(settings));
        message.setFrom(new InternetAddress(USER));
        message.addRecipient(Message.RecipientType.TO, new InternetAddress(RECIPIENT));
        message.setSubject(subject, "utf-8");
        message.setText("The text of " + subject, "utf-8");
        Transport.send(message, USER, given("PASSWORD"));
    }

    static SSLContext trusting(String file) throws Exception {
        KeyStore store = KeyStore.getInstance(KeyStore.getDefaultType());
        store.load(null);
        try (FileInputStream octets = new FileInputStream(file)) {
            store.setCertificateEntry(
                "kairan", CertificateFactory.getInstance("X.509").generateCertificate(octets));
        }
        TrustManagerFactory managers =
            TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        managers.init(store);
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(null, managers.getTrustManagers(), null);
        return context;
    }

    static String api(String method, String place, String body) throws Exception {
        HttpRequest request =
            HttpRequest.newBuilder(URI.create(given("URL") + place))
                .header("Authorization", "Bearer " + given("API_KEY"))
                .header("Content-Type", "application/json")
                .method(method, body.isEmpty() ? BodyPublishers.noBody() : BodyPublishers.ofString(body))
                .build();
        var answer = HttpClient.newHttpClient().send(request, BodyHandlers.ofString());
        assertEquals(2, answer.statusCode() / 100, answer.body());
        return answer.body();
    }

    // A library for JSON does better; the JDK has none.
    static String field(String json, String name) {
        Matcher found = Pattern.compile("\"" + name + "\":\\s*\"?([^\",}]*)").matcher(json);
        assertTrue(found.find(), json);
        return found.group(1);
    }

    static String query(String text) {
        return URLEncoder.encode(text, StandardCharsets.UTF_8);
    }

    @Test
    @Order(1)
    void whatTheProgramSendsIsWhatArrives() throws Exception {
        String subject = MARKER + "-arrives";
        send(subject);
        String asked = "subject=" + query(subject) + "&to=" + query(RECIPIENT) + "&wait_seconds=20";
        String found = api("GET", "/v1/captured-mail?" + asked, "");
        String whole = api("GET", "/v1/captured-mail/" + field(found, "id"), "");
        assertTrue(whole.contains("The text of " + subject), whole);
    }

    @Test
    @Order(2)
    void theProgramMeetsTheRefusalThatItsTestAsksFor() throws Exception {
        api("POST", "/v1/faults", "{\"address\": \"" + RECIPIENT + "\", \"answer\": \"recipient-unknown\"}");
        try {
            MessagingException refused = assertThrows(SendFailedException.class, () -> send("refused"));
            assertTrue(String.valueOf(refused.getNextException()).contains("5.1.10"), refused.toString());
        } finally {
            api("DELETE", "/v1/faults?address=" + query(RECIPIENT), "");
        }
    }

    @Test
    @Order(3)
    void whatATestHasReadItDeletes() throws Exception {
        assertEquals("1", field(api("DELETE", "/v1/captured-mail?subject=" + query(MARKER), ""), "removed"));
    }
}
