/* sink: an SMTP server that takes every message and keeps none, but counts.
 *
 *   sink COUNTERS [PORT [RECIPIENTS]]   cc -O2 -o sink sink.c
 *
 * Listens on 127.0.0.1 (PORT 0 or none: a free one) and counts into the file COUNTERS, which the
 * reader maps into memory: looking at it costs the sink nothing.  Eight-octet numbers in the
 * machine's own order:
 *
 *    0  port                24  recipients of those messages
 *    8  sessions            32  time of the first message ) nanoseconds of
 *   16  messages            40  time of the last message  ) CLOCK_MONOTONIC
 *
 * A message counts when its final dot has come, at the moment its 250 goes out; its recipients'
 * addresses are then appended to the file RECIPIENTS, one a line, before that 250.  One thread,
 * epoll; PIPELINING, so a good client can send as fast as it is able to.  Ends on SIGTERM.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    IN_SIZE = 65536,     /* one read; a line longer than this ends the session */
    OUT_SIZE = 65536,    /* replies to one read: 65536 octets hold at most 9362 commands of 7 */
    NAMES_SIZE = 32768,  /* of one message: a hundred addresses of the longest kind */
    SESSIONS_MAX = 4096, /* 4096 x 128 KiB; further ones wait in the backlog */
};

static const char EHLO_REPLY[] =
    "250-sink\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 ENHANCEDSTATUSCODES\r\n";

struct counters {
    volatile uint64_t port, sessions, messages, recipients, first, last;
};

struct session {
    int fd;
    bool in_data;
    uint64_t recipients;
    size_t in_length, out_length, names_length;
    char in[IN_SIZE], out[OUT_SIZE], names[NAMES_SIZE];
};

static struct counters *counters;
static int poller, sessions_open, names_file = -1;

static void die(const char *what)
{
    perror(what);
    exit(2);
}

static uint64_t now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void count_message(struct session *s)
{
    if (s->names_length && write(names_file, s->names, s->names_length) < 0)
        die("sink: recipients");
    s->names_length = 0;
    uint64_t time = now();
    if (!counters->messages)
        counters->first = time;
    counters->recipients += s->recipients;
    counters->last = time;
    __sync_synchronize();  /* who sees the message sees its time and recipients */
    counters->messages++;
    s->recipients = 0;
}

/* False: no room, the client does not read its replies. */
static bool reply(struct session *s, const char *text)
{
    size_t length = strlen(text);
    if (s->out_length + length > OUT_SIZE)
        return false;
    memcpy(s->out + s->out_length, text, length);
    s->out_length += length;
    return true;
}

/* `line`: RCPT TO:<address>...  False: no room. */
static bool note_name(struct session *s, const char *line, const char *line_end)
{
    const char *begin = memchr(line, '<', (size_t)(line_end - line));
    const char *end = begin ? memchr(begin, '>', (size_t)(line_end - begin)) : NULL;
    if (!end)
        return true;
    size_t length = (size_t)(end - begin) - 1;
    if (s->names_length + length + 1 > NAMES_SIZE)
        return false;
    memcpy(s->names + s->names_length, begin + 1, length);
    s->names_length += length;
    s->names[s->names_length++] = '\n';
    return true;
}

static bool command(struct session *s, const char *line, const char *line_end, bool *quit)
{
    if (!strncasecmp(line, "RCPT", 4)) {
        s->recipients++;
        if (names_file >= 0 && !note_name(s, line, line_end))
            return false;
    } else if (!strncasecmp(line, "DATA", 4)) {
        s->in_data = true;
        return reply(s, "354 go on\r\n");
    } else if (!strncasecmp(line, "MAIL", 4) || !strncasecmp(line, "RSET", 4)) {
        s->recipients = s->names_length = 0;
    } else if (!strncasecmp(line, "EHLO", 4)) {
        return reply(s, EHLO_REPLY);
    } else if (!strncasecmp(line, "QUIT", 4)) {
        *quit = true;
        return reply(s, "221 2.0.0 bye\r\n");
    }
    return reply(s, "250 2.0.0 ok\r\n");
}

/* The line end before the text (of DATA, or of the line before) stays in the buffer, so that
 * CRLF.CRLF is found wherever the reads were cut and also when the text is empty. */
static size_t take_data(struct session *s, size_t at)
{
    char *end = memmem(s->in + at, s->in_length - at, "\r\n.\r\n", 5);
    if (!end)
        return s->in_length - at > 4 ? s->in_length - 4 : at;
    count_message(s);
    s->in_data = false;
    reply(s, "250 2.0.0 taken\r\n");
    return (size_t)(end - s->in) + 5;
}

/* All that is in the buffer; false: the session ends. */
static bool take(struct session *s)
{
    size_t at = 0;
    bool quit = false;
    while (!quit) {
        if (s->in_data) {
            at = take_data(s, at);
            if (s->in_data)
                break;
            continue;
        }
        char *end = memmem(s->in + at, s->in_length - at, "\r\n", 2);
        if (!end)
            break;
        if (!command(s, s->in + at, end, &quit))
            return false;
        at = (size_t)(end - s->in) + (s->in_data ? 0 : 2);
    }
    s->in_length -= at;
    memmove(s->in, s->in + at, s->in_length);
    return !quit && s->in_length < IN_SIZE;
}

static bool flush(struct session *s)
{
    ssize_t n = send(s->fd, s->out, s->out_length, MSG_NOSIGNAL);
    if (n < 0)
        return errno == EAGAIN;
    s->out_length -= (size_t)n;
    memmove(s->out, s->out + n, s->out_length);
    return true;
}

static void end(struct session *s)
{
    close(s->fd);
    free(s);
    sessions_open--;
}

static void serve(struct session *s)
{
    ssize_t n = recv(s->fd, s->in + s->in_length, IN_SIZE - s->in_length, 0);
    if (n <= 0 && !(n < 0 && errno == EAGAIN)) {
        end(s);
        return;
    }
    s->in_length += n > 0 ? (size_t)n : 0;
    bool going_on = take(s);
    if (!flush(s) || !going_on)
        end(s);
}

static void greet(int listener)
{
    int yes = 1, fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0)
        return;
    struct session *s = malloc(sizeof *s);
    if (!s)
        die("sink: memory");
    s->fd = fd;
    s->in_data = false;
    s->recipients = s->in_length = s->out_length = s->names_length = 0;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = s};
    epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event);
    counters->sessions++;
    sessions_open++;
    reply(s, "220 sink ESMTP\r\n");
    if (!flush(s))
        end(s);
}

static void map_counters(const char *path)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (fd < 0 || ftruncate(fd, sizeof *counters))
        die(path);
    counters = mmap(NULL, sizeof *counters, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (counters == MAP_FAILED)
        die(path);
}

static int listen_on(int port)
{
    int yes = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (bind(fd, (struct sockaddr *)&address, size) || listen(fd, 4096))
        die("sink: cannot listen");
    getsockname(fd, (struct sockaddr *)&address, &size);
    counters->port = ntohs(address.sin_port);
    return fd;
}

int main(int count, char **words)
{
    if (count < 2 || count > 4) {
        fprintf(stderr, "usage: sink COUNTERS [PORT [RECIPIENTS]]\n");
        return 2;
    }
    poller = epoll_create1(EPOLL_CLOEXEC);
    map_counters(words[1]);
    if (count > 3) {
        names_file = open(words[3], O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
        if (names_file < 0)
            die(words[3]);
    }
    int listener = listen_on(count > 2 ? atoi(words[2]) : 0);
    struct epoll_event listening = {.events = EPOLLIN, .data.ptr = NULL}, events[256];
    epoll_ctl(poller, EPOLL_CTL_ADD, listener, &listening);
    for (;;) {
        int n = epoll_wait(poller, events, 256, -1);
        for (int i = 0; i < n; i++) {
            if (events[i].data.ptr)
                serve(events[i].data.ptr);
            else if (sessions_open < SESSIONS_MAX)
                greet(listener);
        }
    }
}
