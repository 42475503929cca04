#include <sys/socket.h>
/* As closed enumerations Swift would give every constant a name that no manual has. */
#define enum_extensibility(kind)
#include <microhttpd.h>
#undef enum_extensibility

/* libmicrohttpd is not linked but loaded when a server starts: with GnuTLS behind it, every start of the tool would pay for
   it (8 ms). Its variadic functions can be called right only from C, through the pointers that dlsym gives. */
typedef struct MHD_Daemon *(*cmicrohttpd_starter)(
    unsigned int, uint16_t, MHD_AcceptPolicyCallback, void *, MHD_AccessHandlerCallback, void *, ...);
typedef enum MHD_Result (*cmicrohttpd_setter)(struct MHD_Connection *, enum MHD_CONNECTION_OPTION, ...);
typedef const union MHD_ConnectionInfo *(*cmicrohttpd_teller)(
    struct MHD_Connection *, enum MHD_ConnectionInfoType, ...);
typedef const union MHD_DaemonInfo *(*cmicrohttpd_daemon_teller)(struct MHD_Daemon *, enum MHD_DaemonInfoType, ...);

static inline struct MHD_Daemon *cmicrohttpd_start(
    void *f, unsigned int flags, MHD_AccessHandlerCallback handler, void *context, struct MHD_OptionItem *options) {
    return ((cmicrohttpd_starter)f)(
        flags, 0, NULL, NULL, handler, context, MHD_OPTION_ARRAY, options, MHD_OPTION_END);
}
static inline void cmicrohttpd_set_timeout(void *f, struct MHD_Connection *connection, unsigned int seconds) {
    ((cmicrohttpd_setter)f)(connection, MHD_CONNECTION_OPTION_TIMEOUT, seconds);
}
static inline int cmicrohttpd_descriptor(void *f, struct MHD_Connection *connection) {
    const union MHD_ConnectionInfo *info = ((cmicrohttpd_teller)f)(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    return info ? info->connect_fd : -1;
}
static inline const struct sockaddr *cmicrohttpd_peer(void *f, struct MHD_Connection *connection) {
    const union MHD_ConnectionInfo *info = ((cmicrohttpd_teller)f)(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    return info ? info->client_addr : NULL;
}
static inline int cmicrohttpd_port(void *f, struct MHD_Daemon *daemon) {
    const union MHD_DaemonInfo *info = ((cmicrohttpd_daemon_teller)f)(daemon, MHD_DAEMON_INFO_BIND_PORT);
    return info ? info->port : 0;
}
/* A handler as the number that an option of an array takes. */
static inline intptr_t cmicrohttpd_value(MHD_NotifyConnectionCallback f) { return (intptr_t)f; }
static inline intptr_t cmicrohttpd_completed(MHD_RequestCompletedCallback f) { return (intptr_t)f; }
typedef size_t (*cmicrohttpd_unescape)(void *, struct MHD_Connection *, char *);
static inline intptr_t cmicrohttpd_unescaper(cmicrohttpd_unescape f) { return (intptr_t)f; }
