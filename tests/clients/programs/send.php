<?php
// Composes a message with PHPMailer and sends it: STARTTLS, then login.
// Usage: php send.php PORT CA_FILE USER PASSWORD RECIPIENT...
// The text comes on stdin; what was sent goes to stdout, octet for octet.
use PHPMailer\PHPMailer\PHPMailer;

foreach (['Exception', 'SMTP', 'PHPMailer'] as $name) {
    require "/usr/share/php/libphp-phpmailer/src/$name.php";
}
[, $port, $ca_file, $user, $password] = $argv;

$mail = new PHPMailer(true);
$mail->isSMTP();
$mail->Host = '127.0.0.1';
$mail->Port = (int) $port;
$mail->SMTPSecure = PHPMailer::ENCRYPTION_STARTTLS;
$mail->SMTPOptions = ['ssl' => ['cafile' => $ca_file]];
$mail->SMTPAuth = true;
$mail->Username = $user;
$mail->Password = $password;
$mail->CharSet = PHPMailer::CHARSET_UTF8;
$mail->Encoding = PHPMailer::ENCODING_8BIT;
$mail->setFrom($user);
foreach (array_slice($argv, 5) as $recipient) {
    $mail->addAddress($recipient);
}
$mail->Subject = '月次のお知らせ (PHPMailer)';
$mail->Body = stream_get_contents(STDIN);
$mail->addStringAttachment(implode(array_map('chr', range(0, 255))), '添付.bin');
$mail->send();
// SMTP::data() ends the empty line behind the last CRLF with one more.
echo $mail->getSentMIMEMessage(), "\r\n";
