# Sends the message on stdin with Net::SMTP: STARTTLS, then login.  It goes to stdout as well.
# Usage: ruby send.rb PORT CA_FILE USER PASSWORD RECIPIENT...
require "net/smtp"
require "openssl"

port, ca_file, user, password, *recipients = ARGV
content = $stdin.binmode.read

context = OpenSSL::SSL::SSLContext.new
context.set_params(ca_file: ca_file, verify_mode: OpenSSL::SSL::VERIFY_PEER)
smtp = Net::SMTP.new("127.0.0.1", port.to_i)
smtp.enable_starttls(context)
smtp.start("client.test", user, password, :login) do |session|
  session.send_message(content, user, recipients)
end
$stdout.binmode.write(content)
