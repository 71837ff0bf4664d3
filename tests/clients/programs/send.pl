# Sends the message on stdin with Net::SMTP: STARTTLS, then login.  It goes to stdout as well.
# Usage: perl send.pl PORT CA_FILE USER PASSWORD RECIPIENT...
use strict;
use warnings;
use Net::SMTP;

my ($port, $ca_file, $user, $password, @recipients) = @ARGV;
binmode STDIN;
binmode STDOUT;
my $content = do { local $/; <STDIN> };

my $smtp = Net::SMTP->new('127.0.0.1', Port => $port, Timeout => 30) or die "no connection: $@";
sub ensure { my ($done, $step) = @_; die "$step: " . $smtp->message unless $done }
ensure($smtp->starttls(SSL_ca_file => $ca_file, SSL_verifycn_name => '127.0.0.1'), 'STARTTLS');
ensure($smtp->auth($user, $password), 'AUTH');
ensure($smtp->mail($user, Bits => 8, Size => length $content), 'MAIL');
ensure($smtp->to(@recipients), 'RCPT');
ensure($smtp->data, 'DATA');
ensure($smtp->datasend($content), 'content');
ensure($smtp->dataend, 'dot');
$smtp->quit;
print $content;
