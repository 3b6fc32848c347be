import java.io.InputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.security.cert.CertificateFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;

/** Prints what a URL has. The second argument is a file with the authority that is trusted. */
class Client {
  public static void main(String[] args) throws Exception {
    HttpClient client = HttpClient.newBuilder().sslContext(trusting(Path.of(args[1]))).build();
    try {
      var response = client.send(HttpRequest.newBuilder(URI.create(args[0])).build(), BodyHandlers.ofString());
      System.out.print(response.statusCode() + " " + response.body());
    } catch (Exception error) {
      System.err.println(error);
      System.exit(1);
    }
  }

  private static SSLContext trusting(Path authority) throws Exception {
    KeyStore store = KeyStore.getInstance(KeyStore.getDefaultType());
    store.load(null, null);
    try (InputStream file = Files.newInputStream(authority)) {
      store.setCertificateEntry("authority", CertificateFactory.getInstance("X.509").generateCertificate(file));
    }
    TrustManagerFactory managers = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
    managers.init(store);
    SSLContext context = SSLContext.getInstance("TLS");
    context.init(null, managers.getTrustManagers(), null);
    return context;
  }
}
