/* load: a closed-loop load generator for mail submission, by SMTP or by Kairan's HTTP API.
 *
 *   load [options] HOST PORT            cc -O2 -o load load.c -lssl -lcrypto
 *
 *   --connections N   sessions at the same time                      (10)
 *   --messages N      stop after so many messages                    (0: no limit)
 *   --seconds S       start no message after so many seconds         (0: no limit)
 *   --size N          octets of a message, header included           (4096)
 *   --recipients N    recipients of each message                     (1)
 *   --session N       messages of one session, then QUIT and anew    (0: all)
 *   --tls MODE        off, starttls or implicit                      (off)
 *   --user U --password P   log in with AUTH PLAIN
 *   --token-file F    with --user: log in with AUTH XOAUTH2 and the access token in F instead
 *   --rate N          start at most N messages a second, evenly spaced       (0: no limit)
 *   --whole           a session's first message is timed from its connection on
 *   --source ADDRESS  come from this address (of this machine)
 *   --patience S      give up when nothing was answered for so long           (60)
 *   --pipeline        MAIL, RCPT and DATA in one write (RFC 2920)
 *   --apart           the content and its dot in two writes, which the kernel may hold back (Nagle),
 *                     as PHP's, Perl's and Ruby's libraries write them
 *   --from ADDRESS    envelope sender and From:
 *   --to ADDRESS      recipient; %d in it becomes a running number
 *   --range N         which runs from 0 to N-1 and starts again    (0: goes on)
 *   --hold S          no mail: open the sessions, log in, keep them open for S seconds
 *                     (or until standard input ends); says "held N" when all are open
 *   --guess NAMES     no mail: AUTH PLAIN with wrong passwords for these names in turn,
 *                     separated by commas; %d in one becomes a running number
 *   --json            the result as one JSON object
 *   --http PATH       no SMTP: POST each message as JSON to PATH over a held connection, with --user and
 *                     --password as a Basic login
 *   --keys            with --http: each with an Idempotency-Key of its own
 *
 * Closed loop: each session sends its next message when the last one was answered, so the server
 * sets the pace and the number of sessions says how much it may have in hand.  A message's
 * latency runs from its MAIL to the reply to its final dot.  It counts as sent if that reply and
 * each of its recipients' was 2xx, else as failed.  With --rate a session waits for its turn before
 * a message (before the connection, if the message is to be its first); a turn that no session was
 * free to take is not made up for, so the rate reached can be less.
 *
 * With --http a latency runs from the request to the whole answer, and 2xx is an answer as above; --tls is
 * off or implicit.
 *
 * With --guess, read "attempt" for "message": it counts as sent when it is answered, whatever the
 * answer; "replies" counts them by code.  Servers hang up on who guesses: that is no failure, the
 * session is counted in "ended" and opened anew, and an attempt that was not answered is made again.
 *
 * TLS is 1.3, every session a full handshake (no resumption), no certificate is checked: loopback
 * is where this runs.  One thread, edge-triggered epoll; a message's body is shared by all
 * sessions, only its header is written anew (each has its own Message-ID), so that the generator
 * takes a small part of what a server needs.  It reports its own processor time: look at it
 * before believing a rate.
 *
 * Exit status: 0 all sent, 1 some failed, 2 wrong use.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <getopt.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    FAILURES_SHOWN = 5,       /* enough to see what is wrong */
    FAILURE_MAX = 256,        /* octets of a failure's text that are kept */
    TOKEN_MAX = 8192,         /* RFC 4954 section 4: a line of AUTH has at most 12,288, coded */
    NAMES_MAX = 16,           /* --guess */
    CODES = 600,              /* RFC 5321 section 4.2: a code begins with 2 to 5 */
    FAILURES_MAX = 1000,      /* a server that refuses everything ends the run */
    REPLY_MAX = 4096,         /* a reply's lines are 512 octets (RFC 5321 4.5.3.1.5) */
    RECIPIENTS_MAX = 1000,    /* what one pipelined write may hold */
    OPENING_MAX = 64,         /* --hold: sessions in the middle of their handshake */
};

enum tls_mode { TLS_OFF, TLS_STARTTLS, TLS_IMPLICIT };

static struct {
    long connections, messages, size, recipients, session, range;
    double seconds, hold, rate, patience;
    enum tls_mode tls;
    bool pipeline, apart, json, whole, keys;
    const char *user, *password, *token_file, *source, *from, *to, *host, *port, *http;
    char *guess;
} option = {.connections = 10, .size = 4096, .recipients = 1, .patience = 60,
            .from = "load@kairan.test", .to = "user%d@kairan.test"};

/* Where a session stands: which reply it is waiting for. */
enum step {
    UNCONNECTED, CONNECTING, HANDSHAKE, GREETING, EHLO, STARTTLS, EHLO_TLS, AUTH,
    PAUSING, GUESS, MAIL, RCPT, DATA, POST, DOT, RSET, HELD, QUIT, CLOSED
};
static const char *const STEP_NAMES[] = {
    "unconnected", "connecting", "handshake", "greeting", "EHLO", "STARTTLS", "EHLO", "AUTH",
    "pausing", "guess", "MAIL", "RCPT", "DATA", "POST", "dot", "RSET", "held", "QUIT", "closed"};

struct session {
    int fd;
    enum step step;
    SSL *tls;
    char in[REPLY_MAX];
    size_t in_length;
    char *out;                /* commands and header still to be written */
    size_t out_length, out_size;
    const char *body;         /* then so much of the shared body */
    size_t body_left;
    long sent;                /* messages of this session */
    long replies_due;         /* RCPT replies of this transaction still to come */
    unsigned long number;     /* of this message, among all */
    char refusal[FAILURE_MAX];/* the first in this transaction: "RCPT: 550 ..."; empty: none */
    double mail_at;           /* when the present message began */
    double connected_at;
    double turn_at;           /* UNCONNECTED, PAUSING: when it goes on */
    bool has_turn;            /* it has waited already, before its connection */
};

static struct addrinfo *server, *source;
static SSL_CTX *tls_context;
static int poller;
static char *body;
static size_t body_length;
static unsigned long run_id;
static char date[64];

static long started, sent, failed, sessions, recipient_number, held, opening, opened, ended;
static long replies[CODES];
static char *names[NAMES_MAX];
static long names_count;
static char *login;           /* the AUTH command, or the Authorization field, made once */
static char *text;            /* the body as JSON has it, for --http */
static double last_turn;
static double *latencies;
static size_t latencies_size;
static double start_time;
static char failures[FAILURES_SHOWN][FAILURE_MAX];

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec * 1e-9;
}

static void *need(void *memory)
{
    if (!memory) {
        fprintf(stderr, "load: out of memory\n");
        exit(2);
    }
    return memory;
}

static void count_failure(const char *text)
{
    if (failed < FAILURES_SHOWN)
        snprintf(failures[failed], FAILURE_MAX, "%s", text);
    failed++;
}

static void name_step(const struct session *s, const char *text, char *into)
{
    snprintf(into, FAILURE_MAX, "%s: %.200s", STEP_NAMES[s->step], text);
}

/* A reply within a transaction: anything but 2xx refuses the message. */
static void judge(struct session *s, int code, const char *text)
{
    if (code / 100 != 2 && !*s->refusal)
        name_step(s, text, s->refusal);
}

/* Whether another message may be started. */
static bool more(void)
{
    return failed < FAILURES_MAX && (!option.messages || started < option.messages)
        && (!option.seconds || now() - start_time < option.seconds);
}

/* ---- output ------------------------------------------------------------------------------- */

static void put(struct session *s, const char *text, size_t length)
{
    if (s->out_length + length > s->out_size) {
        s->out_size = (s->out_length + length) * 2;
        s->out = need(realloc(s->out, s->out_size));
    }
    memcpy(s->out + s->out_length, text, length);
    s->out_length += length;
}

__attribute__((format(printf, 2, 3)))
static void say(struct session *s, const char *format, ...)
{
    char line[1200];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    put(s, line, (size_t)length < sizeof line ? (size_t)length : sizeof line - 1);
}

static int header(char *to, size_t size, unsigned long number)
{
    /* Fixed widths, so that every message has the same size. */
    return snprintf(to, size,
        "From: <%s>\r\nTo: undisclosed-recipients:;\r\nSubject: load\r\nDate: %s\r\n"
        "Message-ID: <%016lx.%016lx@load.kairan.test>\r\n\r\n",
        option.from, date, run_id, number);
}

/* The final dot belongs to the body; a line never begins with a dot, so none is doubled. */
static void make_body(void)
{
    char sample[1200];
    size_t head = (size_t)header(sample, sizeof sample, 0);
    size_t length = (size_t)option.size > head + 2 ? (size_t)option.size - head : 2;
    body = need(malloc(length + 3));
    memset(body, 'x', length);
    for (size_t end = 76; end + 2 < length; end += 78)
        memcpy(body + end, "\r\n", 2);
    if (length > 3 && body[length - 3] == '\r')  /* a CRLF that the last one would cut in two */
        body[length - 3] = 'x';
    memcpy(body + length - 2, "\r\n", 2);
    memcpy(body + length, ".\r\n", 3);
    body_length = length + 3;
}

static void make_text(void)
{
    size_t length = 0;
    text = need(malloc(body_length + 1));
    for (const char *c = body; c < body + body_length - 3; c++)  /* a line end is two octets here, too */
        text[length++] = *c == '\r' ? '\\' : *c == '\n' ? 'n' : *c;
    text[length] = 0;
}

static bool flush(struct session *s);

static void say_message(struct session *s)
{
    char text[1200];
    int length = header(text, sizeof text, s->number);
    put(s, text, (size_t)length);
    if (option.apart) {
        put(s, body, body_length - 3);
        flush(s);
        put(s, ".\r\n", 3);
    } else if (body_length <= 16384)  /* one write, one TLS record */
        put(s, body, body_length);
    else
        s->body = body, s->body_left = body_length;
}

/* Write what there is: 1 some, 0 not now, -1 broken. */
static long write_some(struct session *s, const char *data, size_t length)
{
    if (s->tls) {
        int n = SSL_write(s->tls, data, length > 1 << 20 ? 1 << 20 : (int)length);
        if (n > 0)
            return n;
        int why = SSL_get_error(s->tls, n);
        return why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE ? 0 : -1;
    }
    ssize_t n = send(s->fd, data, length, MSG_NOSIGNAL);
    return n >= 0 ? n : errno == EAGAIN ? 0 : -1;
}

static bool flush(struct session *s)
{
    while (s->out_length) {
        long n = write_some(s, s->out, s->out_length);
        if (n <= 0)
            return n == 0;
        s->out_length -= (size_t)n;
        memmove(s->out, s->out + n, s->out_length);
    }
    while (s->body_left) {
        long n = write_some(s, s->body, s->body_left);
        if (n <= 0)
            return n == 0;
        s->body += n;
        s->body_left -= (size_t)n;
    }
    return true;
}

/* ---- a session's life --------------------------------------------------------------------- */

static void abandon(struct session *s, const char *why);
static bool take_reply(struct session *s, int code, const char *text);

static void wait_for_turn(struct session *s, enum step how)
{
    double next = last_turn + 1 / option.rate, present = now();
    last_turn = s->turn_at = next > present ? next : present;
    s->step = how;
}

static void connect_session(struct session *s)
{
    int yes = 1;
    s->fd = socket(server->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (s->fd < 0) {
        perror("load: socket");
        exit(2);
    }
    if (!option.apart)
        setsockopt(s->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    s->step = CONNECTING;
    s->in_length = s->out_length = s->body_left = 0;
    s->sent = 0;
    s->connected_at = now();
    sessions++;
    if (source && bind(s->fd, source->ai_addr, source->ai_addrlen)) {
        perror("load: --source");
        exit(2);
    }
    if (connect(s->fd, server->ai_addr, server->ai_addrlen) && errno != EINPROGRESS) {
        abandon(s, strerror(errno));
        return;
    }
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = s};
    epoll_ctl(poller, EPOLL_CTL_ADD, s->fd, &event);
}

static void open_session(struct session *s)
{
    s->has_turn = option.rate > 0;
    if (s->has_turn)
        wait_for_turn(s, UNCONNECTED);
    else
        connect_session(s);
}

static void close_session(struct session *s)
{
    SSL_free(s->tls);
    s->tls = NULL;
    close(s->fd);
    s->step = CLOSED;
}

/* The server hung up on a guesser, who comes back at once and has not lost his turn. */
static void come_again(struct session *s)
{
    bool was_pausing = s->step == PAUSING;
    ended++;
    close_session(s);
    if (!was_pausing)
        started--;  /* nobody looked at it */
    if (!more())
        return;
    s->has_turn = true;
    if (was_pausing)
        s->step = UNCONNECTED;
    else
        connect_session(s);
}

/* The session is of no use any more: its message, or its attempt to log in, has failed. */
static void abandon(struct session *s, const char *why)
{
    bool in_transaction = s->step >= GUESS && s->step <= DOT;
    if (option.guess && (s->step == GUESS || s->step == PAUSING)) {
        come_again(s);
        return;
    }
    if (s->step == QUIT) {  /* all its messages were answered: no harm done */
        take_reply(s, 221, "");
        return;
    }
    if (!in_transaction && !option.hold && option.messages && started >= option.messages) {
        close_session(s);  /* there was no message left for it: none has failed */
        return;
    }
    if (!in_transaction && !option.hold)
        started++;  /* the message it would have sent */
    if (option.hold)
        s->step == HELD ? held-- : opening--;
    char text[FAILURE_MAX];
    name_step(s, why, text);
    count_failure(text);
    close_session(s);
    if (!option.hold && more())
        open_session(s);
}

static void start_tls(struct session *s)
{
    s->tls = need(SSL_new(tls_context));
    SSL_set_fd(s->tls, s->fd);
    SSL_set_connect_state(s->tls);
    s->step = HANDSHAKE;
}

static void say_recipient(struct session *s)
{
    const char *number = strstr(option.to, "%d");
    if (option.range && recipient_number == option.range)
        recipient_number = 0;
    if (number)
        say(s, "RCPT TO:<%.*s%ld%s>\r\n", (int)(number - option.to), option.to,
            recipient_number++, number + 2);
    else
        say(s, "RCPT TO:<%s>\r\n", option.to);
}

static void begin_guess(struct session *s)
{
    const char *name = names[started % names_count], *number = strstr(name, "%d");
    char plain[512], coded[700];
    int n = number
        ? snprintf(plain, sizeof plain, "%c%.*s%ld%s%cwrong-%ld", 0, (int)(number - name), name,
                   started, number + 2, 0, started)
        : snprintf(plain, sizeof plain, "%c%s%cwrong-%ld", 0, name, 0, started);
    EVP_EncodeBlock((unsigned char *)coded, (unsigned char *)plain, n);
    say(s, "AUTH PLAIN %s\r\n", coded);
    s->step = GUESS;
}

static void begin_post(struct session *s)
{
    const char *number = strstr(option.to, "%d");
    char to[400], head[700], key[64] = "";
    if (option.range && recipient_number == option.range)
        recipient_number = 0;
    if (number)
        snprintf(to, sizeof to, "%.*s%ld%s", (int)(number - option.to), option.to,
                 recipient_number++, number + 2);
    else
        snprintf(to, sizeof to, "%s", option.to);
    int n = snprintf(head, sizeof head, "{\"from\": \"%s\", \"to\": [\"%s\"], \"subject\": \"load\", \"text\": \"",
                     option.from, to);
    if (option.keys)
        snprintf(key, sizeof key, "Idempotency-Key: %016lx-%016lx\r\n", run_id, s->number);
    say(s, "POST %s HTTP/1.1\r\nHost: %s:%s\r\n%s", option.http, option.host, option.port, key);
    if (login)
        put(s, login, strlen(login));
    say(s, "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n", (size_t)n + strlen(text) + 2);
    put(s, head, (size_t)n);
    put(s, text, strlen(text));
    put(s, "\"}", 2);
    s->step = POST;
}

static void begin_message(struct session *s)
{
    s->number = (unsigned long)started;
    if (option.http) {
        begin_post(s);
        return;
    }
    s->replies_due = option.recipients;
    s->step = MAIL;
    say(s, "MAIL FROM:<%s>\r\n", option.from);
    if (option.pipeline) {
        for (long i = 0; i < option.recipients; i++)
            say_recipient(s);
        say(s, "DATA\r\n");
    }
}

static void leave(struct session *s)
{
    if (option.http) {
        close_session(s);
        if (more())
            open_session(s);
        return;
    }
    say(s, "QUIT\r\n");
    s->step = QUIT;
}

static void begin(struct session *s)
{
    if (!more()) {
        leave(s);
        return;
    }
    started++;
    *s->refusal = 0;
    s->mail_at = option.whole && !s->sent ? s->connected_at : now();
    if (option.guess)
        begin_guess(s);
    else
        begin_message(s);
}

static void next_message(struct session *s)
{
    if (!more() || (option.session && s->sent >= option.session)) {
        leave(s);
    } else if (option.rate > 0 && !s->has_turn) {
        wait_for_turn(s, PAUSING);
    } else {
        s->has_turn = false;
        begin(s);
    }
}

static void after_login(struct session *s)
{
    if (!option.hold) {
        next_message(s);
        return;
    }
    s->step = HELD;
    held++, opening--;
}

static void log_in(struct session *s)
{
    if (!login) {
        after_login(s);
        return;
    }
    put(s, login, strlen(login));
    s->step = AUTH;
}

static void finish_message(struct session *s)
{
    if (*s->refusal) {
        count_failure(s->refusal);
    } else {
        if ((size_t)sent == latencies_size) {
            latencies_size = latencies_size ? latencies_size * 2 : 65536;
            latencies = need(realloc(latencies, latencies_size * sizeof *latencies));
        }
        latencies[sent++] = now() - s->mail_at;
    }
    s->sent++;
}

/* A transaction that cannot go on: count it and clear the server's state. */
static void reset(struct session *s)
{
    finish_message(s);
    say(s, "RSET\r\n");
    s->step = RSET;
}

/* MAIL or RCPT was answered.  Pipelined, the next command is out already: only wait for its
 * reply.  Else a refusal ends the transaction, and the next command is said now. */
static void reply_before_data(struct session *s, int code, const char *text)
{
    judge(s, code, text);
    if (*s->refusal && !option.pipeline) {
        reset(s);
        return;
    }
    if (s->step == RCPT)
        s->replies_due--;
    s->step = s->replies_due ? RCPT : DATA;
    if (option.pipeline)
        return;
    if (s->step == RCPT)
        say_recipient(s);
    else
        say(s, "DATA\r\n");
}

static void reply_to_data(struct session *s, int code, const char *text)
{
    if (code != 354) {
        judge(s, 0, text);  /* a 250 here would be no consent either */
        reset(s);
        return;
    }
    s->step = DOT;
    say_message(s);
}

/* One complete reply.  False: the session cannot go on. */
static bool take_reply(struct session *s, int code, const char *text)
{
    switch (s->step) {
    case GREETING:
        if (code != 220)
            return false;
        say(s, "EHLO load.kairan.test\r\n");
        s->step = s->tls ? EHLO_TLS : EHLO;
        return true;
    case EHLO:
        if (code != 250)
            return false;
        if (option.tls == TLS_STARTTLS) {
            say(s, "STARTTLS\r\n");
            s->step = STARTTLS;
        } else {
            log_in(s);
        }
        return true;
    case STARTTLS:
        if (code != 220)
            return false;
        start_tls(s);
        return true;
    case EHLO_TLS:
        if (code != 250)
            return false;
        log_in(s);
        return true;
    case AUTH:
        if (code != 235)
            return false;
        after_login(s);
        return true;
    case GUESS:
        if (code < 200 || code >= CODES || code == 421)
            return false;
        replies[code]++;
        finish_message(s);
        next_message(s);
        return true;
    case MAIL:
    case RCPT:
        reply_before_data(s, code, text);
        return true;
    case DATA:
        reply_to_data(s, code, text);
        return true;
    case DOT:
        judge(s, code, text);
        finish_message(s);
        next_message(s);
        return true;
    case RSET:
        if (code != 250)
            return false;
        next_message(s);
        return true;
    case QUIT:
        close_session(s);
        if (more())
            open_session(s);
        return true;
    default:
        return false;  /* a reply nobody asked for, such as a 421 to a held session */
    }
}

/* ---- input -------------------------------------------------------------------------------- */

static long read_some(struct session *s, char *into, size_t size)
{
    if (s->tls) {
        int n = SSL_read(s->tls, into, (int)size);
        if (n > 0)
            return n;
        int why = SSL_get_error(s->tls, n);
        return why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE ? 0 : -1;
    }
    ssize_t n = recv(s->fd, into, size, 0);
    return n > 0 ? n : n < 0 && errno == EAGAIN ? 0 : -1;
}

/* Hand on the complete replies in the buffer; of a reply's lines the last one counts
 * (RFC 5321 section 4.2.1: "250-" goes on, "250 " ends).  False: the session was given up. */
static bool take_replies(struct session *s)
{
    char *line = s->in, *end;
    int descriptor = s->fd;
    while ((end = memchr(line, '\n', (size_t)(s->in + s->in_length - line)))) {
        *end = 0;
        if (end > line && end[-1] == '\r')
            end[-1] = 0;
        if (strlen(line) < 4 || line[3] != '-') {
            if (!take_reply(s, atoi(line), line)) {
                abandon(s, line);
                return false;
            }
            if (s->step == CLOSED || s->fd != descriptor || s->step <= CONNECTING)
                return false;
            if (s->step == HANDSHAKE) {  /* what follows the 220 belongs to TLS */
                s->in_length = 0;
                return true;
            }
        }
        line = end + 1;
    }
    s->in_length -= (size_t)(line - s->in);
    memmove(s->in, line, s->in_length);
    return true;
}

/* An HTTP answer, when it is whole (RFC 9112 section 6.3; ours have a Content-Length).  False: the session
 * is over. */
static bool take_answer(struct session *s)
{
    s->in[s->in_length < sizeof s->in ? s->in_length : sizeof s->in - 1] = 0;
    char *end = strstr(s->in, "\r\n\r\n"), *length = strcasestr(s->in, "\r\ncontent-length:");
    if (!end)
        return true;
    size_t whole = (size_t)(end + 4 - s->in) + (length && length < end ? (size_t)atol(length + 17) : 0);
    if (s->in_length < whole)
        return true;
    char *close_said = strcasestr(s->in, "\r\nconnection: close");
    bool is_last = close_said && close_said < end;
    char *status = strchr(s->in, ' ');
    judge(s, status ? atoi(status + 1) : 0, end + 4 - s->in < REPLY_MAX ? s->in : "");
    s->in_length = 0;
    finish_message(s);
    if (is_last) {
        close_session(s);
        if (more())
            open_session(s);
        return false;
    }
    next_message(s);
    return s->step != CLOSED && s->step > CONNECTING;
}

/* 1 done, 0 waiting, -1 broken */
static int shake_hands(struct session *s)
{
    int n = SSL_do_handshake(s->tls);
    if (n != 1) {
        int why = SSL_get_error(s->tls, n);
        return why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE ? 0 : -1;
    }
    if (option.http) {
        after_login(s);
    } else if (option.tls == TLS_IMPLICIT) {
        s->step = GREETING;
    } else {
        say(s, "EHLO load.kairan.test\r\n");
        s->step = EHLO_TLS;
    }
    return 1;
}

/* The socket became readable or writable: go as far as it goes (edge-triggered). */
static void serve(struct session *s)
{
    if (s->step == CONNECTING) {
        int error = 0;
        socklen_t size = sizeof error;
        getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &error, &size);
        if (error) {
            abandon(s, strerror(error));
            return;
        }
        s->step = GREETING;
        if (option.tls == TLS_IMPLICIT)
            start_tls(s);
        else if (option.http)
            after_login(s);
        if (s->step == CLOSED)
            return;
    }
    for (;;) {
        if (s->step == HANDSHAKE) {
            int done = shake_hands(s);
            if (done < 0)
                abandon(s, "TLS handshake failed");
            if (done <= 0)
                return;
        }
        if (!flush(s)) {
            abandon(s, "connection broken while writing");
            return;
        }
        if (s->in_length == sizeof s->in) {
            abandon(s, "reply too long");
            return;
        }
        long n = read_some(s, s->in + s->in_length, sizeof s->in - s->in_length);
        if (n == 0)
            return;
        if (n < 0) {
            abandon(s, "connection closed by the server");
            return;
        }
        s->in_length += (size_t)n;
        if (!(option.http ? take_answer(s) : take_replies(s)))
            return;
    }
}

/* ---- result ------------------------------------------------------------------------------- */

static int by_size(const void *a, const void *b)
{
    double difference = *(const double *)a - *(const double *)b;
    return (difference > 0) - (difference < 0);
}

static double percentile_ms(double share)
{
    return sent ? latencies[(long)((double)(sent - 1) * share)] * 1e3 : 0;
}

static double processor_seconds(void)
{
    struct rusage use;
    getrusage(RUSAGE_SELF, &use);
    return use.ru_utime.tv_sec + use.ru_stime.tv_sec
        + (use.ru_utime.tv_usec + use.ru_stime.tv_usec) * 1e-6;
}

static void print_json_text(const char *text)
{
    putchar('"');
    for (; *text; text++) {
        if (*text == '"' || *text == '\\')
            printf("\\%c", *text);
        else if ((unsigned char)*text < 0x20 || (unsigned char)*text > 0x7e)
            printf("\\u%04x", (unsigned char)*text);
        else
            putchar(*text);
    }
    putchar('"');
}

static void report(double seconds)
{
    double rate = seconds > 0 ? (double)sent / seconds : 0;
    qsort(latencies, (size_t)sent, sizeof *latencies, by_size);
    if (!option.json) {
        printf("sent %ld, failed %ld in %.2f s: %.0f messages/s, p50 %.2f ms, p99 %.2f ms, "
               "max %.2f ms, %ld sessions, own processor time %.2f s\n", sent, failed, seconds,
               rate, percentile_ms(.5), percentile_ms(.99), percentile_ms(1), sessions,
               processor_seconds());
        for (int code = 0; code < CODES; code++)
            if (replies[code])
                printf("answered %d: %ld\n", code, replies[code]);
        for (long i = 0; i < failed && i < FAILURES_SHOWN; i++)
            printf("failed at %s\n", failures[i]);
        return;
    }
    printf("{\"sent\": %ld, \"failed\": %ld, \"held\": %ld, \"sessions\": %ld, "
           "\"started\": %.6f, \"seconds\": %.6f, \"rate\": %.3f, \"p50_ms\": %.3f, "
           "\"p99_ms\": %.3f, \"max_ms\": %.3f, \"cpu_seconds\": %.3f, \"ended\": %ld, "
           "\"replies\": {",
           sent, failed, held, sessions, start_time, seconds, rate, percentile_ms(.5),
           percentile_ms(.99), percentile_ms(1), processor_seconds(), ended);
    const char *comma = "";
    for (int code = 0; code < CODES; code++)
        if (replies[code]) {
            printf("%s\"%d\": %ld", comma, code, replies[code]);
            comma = ", ";
        }
    printf("}, \"failures\": [");
    for (long i = 0; i < failed && i < FAILURES_SHOWN; i++) {
        fputs(i ? ", " : "", stdout);
        print_json_text(failures[i]);
    }
    puts("]}");
}

/* ---- main --------------------------------------------------------------------------------- */

/* Let those go on whose turn has come.  The rest: in how many milliseconds is the next one's? */
static int take_turns(struct session *all)
{
    double present = now(), next = present + 1;
    for (long i = 0; option.rate > 0 && i < opened; i++) {
        struct session *s = &all[i];
        if (s->step != UNCONNECTED && s->step != PAUSING)
            continue;
        if (s->turn_at > present) {
            next = s->turn_at < next ? s->turn_at : next;
        } else if (s->step == PAUSING) {
            begin(s);
            serve(s);
        } else if (more()) {
            connect_session(s);
        } else {
            s->step = CLOSED;
        }
    }
    return (int)((next - present) * 1e3) + 1;
}

/* One round of the event loop. */
static void turn(struct session *all)
{
    struct epoll_event events[256];
    int n = epoll_wait(poller, events, 256, take_turns(all));
    for (int i = 0; i < n; i++) {
        struct session *s = events[i].data.ptr;
        if (s->step != CLOSED)
            serve(s);
    }
}

static bool all_closed(const struct session *all)
{
    for (long i = 0; i < option.connections; i++)
        if (all[i].step != CLOSED)
            return false;
    return true;
}

/* The time ends with the last answered message: a slow QUIT is nobody's rate. */
static double send_all(struct session *all)
{
    double last = start_time;
    long counted = 0;
    for (; opened < option.connections && more(); opened++)
        open_session(&all[opened]);
    while (!all_closed(all)) {
        turn(all);
        if (sent + failed != counted) {
            counted = sent + failed;
            last = now();
        } else if (now() - last > option.patience) {
            fprintf(stderr, "load: nothing answered for %.0f s\n", option.patience);
            break;
        }
    }
    failed += started - sent - failed;  /* what was still unanswered when we gave up */
    return last - start_time;
}

static double hold_all(struct session *all)
{
    bool told = false;
    double until = 0;
    struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
    char ignored[64];
    for (;;) {
        for (; opened < option.connections && opening < OPENING_MAX; opened++, opening++)
            open_session(&all[opened]);
        turn(all);
        if (!told && opened == option.connections && opening == 0) {
            told = true;
            until = now() + option.hold;
            printf("held %ld\n", held);
            fflush(stdout);
        }
        if (told && now() > until)
            break;
        if (told && poll(&input, 1, 0) > 0 && read(STDIN_FILENO, ignored, sizeof ignored) <= 0)
            break;
    }
    return now() - start_time;
}

static const struct option OPTIONS[] = {
    {"connections", 1, 0, 'c'}, {"messages", 1, 0, 'm'}, {"seconds", 1, 0, 's'},
    {"size", 1, 0, 'l'}, {"recipients", 1, 0, 'r'}, {"session", 1, 0, 'k'},
    {"tls", 1, 0, 't'}, {"user", 1, 0, 'u'}, {"password", 1, 0, 'p'},
    {"pipeline", 0, 0, 'i'}, {"from", 1, 0, 'f'}, {"to", 1, 0, 'o'}, {"range", 1, 0, 'n'},
    {"hold", 1, 0, 'h'}, {"json", 0, 0, 'j'}, {"token-file", 1, 0, 'T'}, {"rate", 1, 0, 'R'},
    {"whole", 0, 0, 'w'}, {"apart", 0, 0, 'a'}, {"source", 1, 0, 'S'}, {"guess", 1, 0, 'g'},
    {"patience", 1, 0, 'P'}, {"http", 1, 0, 'H'}, {"keys", 0, 0, 'K'}, {0, 0, 0, 0}};

static void wrong_use(const char *what)
{
    fprintf(stderr, "load: %s\nusage: load [options] HOST PORT (options: head of load.c)\n", what);
    exit(2);
}

static enum tls_mode tls_mode(const char *name)
{
    static const char *const NAMES[] = {"off", "starttls", "implicit"};
    for (int i = 0; i < 3; i++)
        if (!strcmp(name, NAMES[i]))
            return (enum tls_mode)i;
    wrong_use("--tls is off, starttls or implicit");
    return TLS_OFF;
}

static void read_options(int count, char **words)
{
    int o;
    while ((o = getopt_long(count, words, "", OPTIONS, NULL)) != -1)
        switch (o) {
        case 'c': option.connections = atol(optarg); break;
        case 'm': option.messages = atol(optarg); break;
        case 's': option.seconds = atof(optarg); break;
        case 'l': option.size = atol(optarg); break;
        case 'r': option.recipients = atol(optarg); break;
        case 'k': option.session = atol(optarg); break;
        case 't': option.tls = tls_mode(optarg); break;
        case 'u': option.user = optarg; break;
        case 'p': option.password = optarg; break;
        case 'i': option.pipeline = true; break;
        case 'f': option.from = optarg; break;
        case 'o': option.to = optarg; break;
        case 'n': option.range = atol(optarg); break;
        case 'h': option.hold = atof(optarg); break;
        case 'P': option.patience = atof(optarg); break;
        case 'j': option.json = true; break;
        case 'T': option.token_file = optarg; break;
        case 'R': option.rate = atof(optarg); break;
        case 'a': option.apart = true; break;
        case 'w': option.whole = true; break;
        case 'S': option.source = optarg; break;
        case 'g': option.guess = optarg; break;
        case 'H': option.http = optarg; break;
        case 'K': option.keys = true; break;
        default: wrong_use("unknown option");
        }
    if (optind + 2 != count)
        wrong_use("HOST and PORT are needed");
    option.host = words[optind];
    option.port = words[optind + 1];
    if (option.connections < 1 || option.recipients < 1 || option.recipients > RECIPIENTS_MAX)
        wrong_use("at least one connection, and 1 to 1000 recipients");
    if (!option.messages && !option.seconds && !option.hold)
        wrong_use("--messages, --seconds or --hold must say when to end");
    if (option.user && !option.token_file
        && (!option.password || strlen(option.user) + strlen(option.password) > 400))
        wrong_use("--user needs a --password, both together at most 400 octets");
    if (option.token_file && (!option.user || strlen(option.user) > 400))
        wrong_use("--token-file needs a --user of at most 400 octets");
    if (option.http && (option.tls == TLS_STARTTLS || option.token_file || option.guess || option.hold
                        || option.recipients != 1))
        wrong_use("--http takes --tls implicit, one recipient, and no --token-file, --guess or --hold");
    if (option.hold && (option.rate > 0 || option.guess))
        wrong_use("--hold sends nothing: no --rate, no --guess");
}

static struct addrinfo *resolved(const char *host, const char *port)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found;
    int error = getaddrinfo(host, port, &hints, &found);
    if (error)
        wrong_use(gai_strerror(error));
    return found;
}

static void read_names(void)
{
    for (char *name = strtok(option.guess, ","); name; name = strtok(NULL, ",")) {
        if (names_count == NAMES_MAX || strlen(name) > 300)
            wrong_use("--guess takes at most 16 names of at most 300 octets");
        names[names_count++] = name;
    }
    if (!names_count)
        wrong_use("--guess needs a name");
}

/* The token stands in a file, for what stands on a command line everybody on the machine sees. */
static void read_token(char *token)
{
    FILE *file = fopen(option.token_file, "r");
    if (!file)
        wrong_use("the --token-file cannot be read");
    size_t length = fread(token, 1, TOKEN_MAX, file);
    fclose(file);
    while (length && strchr("\r\n", token[length - 1]))
        length--;
    if (!length || length == TOKEN_MAX)
        wrong_use("the --token-file holds no token of less than 8192 octets");
    token[length] = 0;
}

static void make_login(void)
{
    static char token[TOKEN_MAX], said[TOKEN_MAX + 512], coded[2 * TOKEN_MAX];
    int n;
    if (option.token_file) {
        read_token(token);
        n = snprintf(said, sizeof said, "user=%s\001auth=Bearer %s\001\001", option.user, token);
    } else if (option.http) {
        n = snprintf(said, sizeof said, "%s:%s", option.user, option.password);
    } else {
        n = snprintf(said, sizeof said, "%c%s%c%s", 0, option.user, 0, option.password);
    }
    EVP_EncodeBlock((unsigned char *)coded, (unsigned char *)said, n);
    login = need(malloc(strlen(coded) + 32));
    if (option.http) {
        sprintf(login, "Authorization: Basic %s\r\n", coded);
        return;
    }
    sprintf(login, "AUTH %s %s\r\n", option.token_file ? "XOAUTH2" : "PLAIN", coded);
}

static void prepare(void)
{
    server = resolved(option.host, option.port);
    if (option.source)
        source = resolved(option.source, NULL);
    if (option.guess)
        read_names();
    else if (option.user)
        make_login();
    time_t seconds = time(NULL);
    strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S +0000", gmtime(&seconds));
    run_id = (unsigned long)seconds << 24 ^ (unsigned long)getpid();
    make_body();
    if (option.http)
        make_text();
    tls_context = need(SSL_CTX_new(TLS_client_method()));
    SSL_CTX_set_min_proto_version(tls_context, TLS1_3_VERSION);
    SSL_CTX_set_session_cache_mode(tls_context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_mode(tls_context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_RELEASE_BUFFERS
                                      | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    poller = epoll_create1(EPOLL_CLOEXEC);
}

int main(int count, char **words)
{
    read_options(count, words);
    prepare();
    struct session *all = need(calloc((size_t)option.connections, sizeof *all));
    for (long i = 0; i < option.connections; i++)
        all[i].step = CLOSED;
    start_time = now();
    report(option.hold ? hold_all(all) : send_all(all));
    return failed ? 1 : 0;
}
