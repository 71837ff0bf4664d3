// Sends the message on stdin with net/smtp: STARTTLS, then login.  It goes to stdout as well.
// Where SMTPUTF8 is offered, net/smtp asks for it, whatever the message is.
// Usage: send PORT CA_FILE USER PASSWORD RECIPIENT...
package main

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"log"
	"net/smtp"
	"os"
)

func ensure(step string, err error) {
	if err != nil {
		log.Fatalf("%s: %v", step, err)
	}
}

func main() {
	port, caFile, user, password := os.Args[1], os.Args[2], os.Args[3], os.Args[4]
	content, err := io.ReadAll(os.Stdin)
	ensure("message", err)
	authority, err := os.ReadFile(caFile)
	ensure("authority", err)
	trusted := x509.NewCertPool()
	trusted.AppendCertsFromPEM(authority)

	client, err := smtp.Dial("127.0.0.1:" + port)
	ensure("connection", err)
	ensure("STARTTLS", client.StartTLS(&tls.Config{RootCAs: trusted, ServerName: "127.0.0.1"}))
	ensure("AUTH", client.Auth(smtp.PlainAuth("", user, password, "127.0.0.1")))
	ensure("MAIL", client.Mail(user))
	for _, recipient := range os.Args[5:] {
		ensure("RCPT", client.Rcpt(recipient))
	}
	writer, err := client.Data()
	ensure("DATA", err)
	_, err = writer.Write(content)
	ensure("content", err)
	ensure("dot", writer.Close())
	ensure("QUIT", client.Quit())
	os.Stdout.Write(content)
}
