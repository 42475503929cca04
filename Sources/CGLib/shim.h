/* Of GLib's gtimezone.h, only what is called: its headers lie in two folders that a compiler must be told of. */
typedef struct _GTimeZone GTimeZone;

extern GTimeZone *g_time_zone_new_identifier(const char *identifier);
extern void g_time_zone_unref(GTimeZone *zone);
extern int g_time_zone_find_interval(GTimeZone *zone, int type, long long time);
extern int g_time_zone_get_offset(GTimeZone *zone, int interval);

/* G_TIME_TYPE_UNIVERSAL of GTimeType. */
static const int cglib_universal_time = 2;
