/* A stand-in for pyxis on the dev cluster: srun's --container-* flags, without images.
 *
 * A task with --container-image sees the machine's /usr, /etc, /dev, /proc and /sys, an empty /tmp, and what
 * --container-mounts names: a path that nobody mounted is missing, as in a real container. An image that is a path must
 * exist; other names are taken as they are. The task finds its image in DEVCLUSTER_CONTAINER_IMAGE.
 * Argument of the plugin: the folder on which a container's root is mounted, in the task's own mount namespace. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <slurm/spank.h>

SPANK_PLUGIN(pyxis, 1);

enum { IMAGE, MOUNTS, WORKDIR, MOUNT_HOME, IGNORED };

static const struct { const char *name; int value; int kind; } FLAGS[] = {
    {"container-image", 1, IMAGE},
    {"container-mounts", 1, MOUNTS},
    {"container-workdir", 1, WORKDIR},
    {"container-mount-home", 0, MOUNT_HOME},
    {"no-container-mount-home", 0, IGNORED},
    {"container-name", 1, IGNORED},
    {"container-save", 1, IGNORED},
    {"container-env", 1, IGNORED},
    {"container-remap-root", 0, IGNORED},
    {"no-container-remap-root", 0, IGNORED},
    {"container-entrypoint", 0, IGNORED},
    {"no-container-entrypoint", 0, IGNORED},
    {"container-entrypoint-log", 0, IGNORED},
    {"container-writable", 0, IGNORED},
    {"container-readonly", 0, IGNORED},
};

static char *given[IGNORED + 1];

static int take(int kind, const char *value, int remote)
{
    (void)remote;
    given[kind] = strdup(value ? value : "");
    return 0;
}

int slurm_spank_init(spank_t spank, int count, char **arguments)
{
    (void)count, (void)arguments;
    for (size_t i = 0; i < sizeof FLAGS / sizeof *FLAGS; i++) {
        struct spank_option option = {(char *)FLAGS[i].name, FLAGS[i].value ? "VALUE" : NULL, "as pyxis has it",
                                      FLAGS[i].value, FLAGS[i].kind, take};
        if (spank_option_register(spank, &option) != ESPANK_SUCCESS)
            return -1;
    }
    return 0;
}

static void make_parents(char *path)
{
    for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        mkdir(path, 0755);
        *slash = '/';
    }
}

/* Show `source` of the machine as `target` of the container. */
static int show(const char *root, const char *source, const char *target)
{
    struct stat found;
    char at[PATH_MAX];
    if (source[0] != '/' || target[0] != '/' || stat(source, &found)) {
        slurm_error("pyxis: no mount source %s for %s", source, target);
        return -1;
    }
    snprintf(at, sizeof at, "%s%s", root, target);
    make_parents(at);
    if (S_ISDIR(found.st_mode))
        mkdir(at, 0755);
    else
        close(open(at, O_CREAT | O_WRONLY, 0644));
    if (mount(source, at, NULL, MS_BIND | MS_REC, NULL)) {
        slurm_error("pyxis: cannot mount %s on %s: %m", source, target);
        return -1;
    }
    return 0;
}

static int show_system(const char *root)
{
    static const char *folders[] = {"/usr", "/bin", "/sbin", "/lib", "/lib64", "/etc", "/dev", "/proc", "/sys"};
    char at[PATH_MAX], link[PATH_MAX];
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        ssize_t length = readlink(folders[i], link, sizeof link - 1);
        snprintf(at, sizeof at, "%s%s", root, folders[i]);
        if (length > 0) {
            link[length] = '\0';
            if (symlink(link, at))
                return -1;
        } else if (access(folders[i], F_OK) == 0 && show(root, folders[i], folders[i])) {
            return -1;
        }
    }
    snprintf(at, sizeof at, "%s/tmp", root);
    return mkdir(at, 0777) || chmod(at, 01777);
}

static int show_mounts(const char *root)
{
    char *rest = NULL, *list = strdup(given[MOUNTS] ? given[MOUNTS] : "");
    for (char *item = strtok_r(list, ",", &rest); item; item = strtok_r(NULL, ",", &rest)) {
        char *target = strchr(item, ':'), *flags = target ? strchr(target + 1, ':') : NULL;
        if (flags)
            *flags = '\0';
        if (target)
            *target++ = '\0';
        if (show(root, item, target ? target : item))
            return -1;
    }
    free(list);
    return 0;
}

int slurm_spank_task_init_privileged(spank_t spank, int count, char **arguments)
{
    char home[PATH_MAX];
    if (!given[IMAGE])
        return 0;
    if (count != 1 || (given[IMAGE][0] == '/' && access(given[IMAGE], R_OK))) {
        slurm_error("pyxis: no image %s", given[IMAGE]);
        return -1;
    }
    const char *root = arguments[0];
    if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
        mount("tmpfs", root, "tmpfs", 0, "mode=755") || show_system(root)) {
        slurm_error("pyxis: cannot make a container in %s: %m", root);
        return -1;
    }
    if (show_mounts(root))
        return -1;
    if (given[MOUNT_HOME] && spank_getenv(spank, "HOME", home, sizeof home) == ESPANK_SUCCESS && show(root, home, home))
        return -1;
    if (chroot(root)) {
        slurm_error("pyxis: cannot enter %s: %m", root);
        return -1;
    }
    spank_setenv(spank, "DEVCLUSTER_CONTAINER_IMAGE", given[IMAGE], 1);
    return 0;
}

int slurm_spank_task_init(spank_t spank, int count, char **arguments) /* slurmstepd has gone to the job's folder meanwhile */
{
    (void)spank, (void)count, (void)arguments;
    if (given[IMAGE] && chdir(given[WORKDIR] ? given[WORKDIR] : "/")) {
        slurm_error("pyxis: no folder %s in the container", given[WORKDIR]);
        return -1;
    }
    return 0;
}
