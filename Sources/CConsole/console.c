#include "console.h"

#include <string.h>

// Of C23; the language version of a package is one for all its targets.
#pragma clang diagnostic ignored "-Wc23-extensions"

// The files are in the program: it is installed as one file, and they are always of its version.
static const unsigned char index_html[] = {
#embed "web/index.html"
};
static const unsigned char style_css[] = {
#embed "web/style.css"
};
static const unsigned char icon_svg[] = {
#embed "web/icon.svg"
};
static const unsigned char main_js[] = {
#embed "web/main.js"
};
static const unsigned char api_js[] = {
#embed "web/api.js"
};
static const unsigned char page_js[] = {
#embed "web/page.js"
};
static const unsigned char graph_js[] = {
#embed "web/graph.js"
};
static const unsigned char health_js[] = {
#embed "web/health.js"
};
static const unsigned char batches_js[] = {
#embed "web/batches.js"
};
static const unsigned char history_js[] = {
#embed "web/history.js"
};
static const unsigned char approvals_js[] = {
#embed "web/approvals.js"
};
static const unsigned char work_js[] = {
#embed "web/work.js"
};
static const unsigned char heal_js[] = {
#embed "web/heal.js"
};
static const unsigned char incidents_js[] = {
#embed "web/incidents.js"
};
static const unsigned char releases_js[] = {
#embed "web/releases.js"
};
static const unsigned char documents_js[] = {
#embed "web/documents.js"
};
static const unsigned char support_js[] = {
#embed "web/support.js"
};
static const unsigned char settings_js[] = {
#embed "web/settings.js"
};
static const unsigned char en_json[] = {
#embed "web/en.json"
};
static const unsigned char fr_json[] = {
#embed "web/fr.json"
};

#define FILE_OF(name, bytes) {name, bytes, sizeof bytes}

static const struct console_file files[] = {
    FILE_OF("index.html", index_html), FILE_OF("style.css", style_css),
    FILE_OF("icon.svg", icon_svg),     FILE_OF("main.js", main_js),
    FILE_OF("api.js", api_js),         FILE_OF("page.js", page_js),
    FILE_OF("graph.js", graph_js),     FILE_OF("health.js", health_js),
    FILE_OF("batches.js", batches_js), FILE_OF("history.js", history_js),
    FILE_OF("approvals.js", approvals_js), FILE_OF("work.js", work_js),
    FILE_OF("settings.js", settings_js),   FILE_OF("heal.js", heal_js),
    FILE_OF("incidents.js", incidents_js), FILE_OF("releases.js", releases_js),
    FILE_OF("documents.js", documents_js), FILE_OF("support.js", support_js),
    FILE_OF("en.json", en_json),
    FILE_OF("fr.json", fr_json),
};

const struct console_file *console_find(const char *name) {
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        if (strcmp(files[i].name, name) == 0) return &files[i];
    }
    return NULL;
}
