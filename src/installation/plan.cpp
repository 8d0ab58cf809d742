#include "installation/plan.hpp"

#include "installation/units.hpp"

#include "error.hpp"

#include <algorithm>

namespace miraclemax::installation {
namespace {

namespace fs = std::filesystem;

constexpr const char* kept = "kept";

void must_suit_a_unit(const fs::path& path) {
    const auto text = path.string();
    if (!path.is_absolute() || text.find_first_of(" \t\n\r%:\\\"'$,;#") != std::string::npos)
        throw Error(ExitCode::config, "the path " + text + " can't stand in a unit or a mount",
                    "use an absolute path without blanks, quotes, and % : \\ $ , ; #");
}

// Its characters are those of a reference: docker.io/library/name:tag, name@sha256:….
void must_be_an_image(const std::string& image) {
    const std::string others = "._-/:@";
    const bool good = std::all_of(image.begin(), image.end(), [&](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               others.find(c) != std::string::npos;
    });
    if (image.empty() || image.front() == '-' || !good)
        throw Error(ExitCode::config, "\"" + image + "\" is no name of an image",
                    "name one as `podman images` does");
}

// Adds the steps of a way, one after the other.
class Planner {
public:
    Planner(const Host& host, const Wish& wish) : host_(host), wish_(wish) {
        plan_.way = wish.way;
        plan_.places = places(host, wish);
        plan_.private_key_out = wish.private_key_out;
        plan_.instance = wish.instance;
        plan_.key_bits = wish.key_bits;
        if (host.systemd && wish.way != Way::compose)
            plan_.reload = systemctl({"daemon-reload"});
    }

    Plan quadlet() {
        if (host_.systemd && !host_.quadlet)
            throw Error(
                ExitCode::config, "podman has no Quadlet here",
                "podman 4.4 brings it; until then `miraclemax install --timer` or `--compose FOLDER`");
        folders();
        configuration(wish_.example_config);
        key();
        linger();
        socket();
        const auto& at = plan_.places;
        unit("miraclemax-state.volume", volume_unit(), "the sidecar's state lives in a volume of its own");
        unit("miraclemax.container", container_unit(at, wish_.image, host_.zone),
             "systemd starts the sidecar by it");
        reload();
        start_sidecar();
        return std::move(plan_);
    }

    Plan timer() {
        must_suit_a_unit(wish_.program);
        folders();
        const auto& at = plan_.places;
        auto text = with_value(wish_.example_config, "backup.folder", at.backups.string());
        text = with_value(text, "state.folder", at.state.string());
        configuration(with_value(text, "encryption.keys", "[" + at.keys.string() + "]"));
        if (!host_.root)
            plan_.by_hand.push_back("for commands by hand: export MIRACLEMAX_CONFIG=" + at.config.string());
        key();
        if (wish_.signing_key)
            plan_.steps.push_back({.kind = Step::Kind::signing_key,
                                   .what = "make the key that signs this host's backups",
                                   .why = "who checks a backup can tell that it is this host's",
                                   .undone = kept,
                                   .path = at.state / "signing"});
        linger();
        socket();
        const auto program = wish_.program.string();
        unit("miraclemax-backup.service", backup_service(at, program), "one backup");
        unit("miraclemax-backup.timer", backup_timer(), "every night at 3");
        unit("miraclemax-verify.service", verify_service(at, program), "one proof of the latest backup");
        unit("miraclemax-verify.timer", verify_timer(), "every Sunday");
        unit("miraclemax-recover.service", recover_service(at, program),
             "nothing stays stopped after a power cut");
        reload();
        enable_timers();
        return std::move(plan_);
    }

    Plan compose() {
        folders();
        configuration(wish_.example_config);
        key();
        linger();
        socket();
        const auto file = plan_.places.units / "miraclemax.yml";
        plan_.steps.push_back({.kind = Step::Kind::file,
                               .what = "write " + file.string(),
                               .why = "podman-compose starts the sidecar by it",
                               .undone = "removed, unless you changed it",
                               .path = file,
                               .content = compose_file(wish_.image, host_.zone, !host_.root),
                               .mode = 0600});
        image_by_hand();
        plan_.by_hand.push_back("start it: podman-compose -f " + file.string() + " up -d");
        return std::move(plan_);
    }

private:
    [[nodiscard]] std::vector<std::string> systemctl(std::vector<std::string> words) const {
        words.insert(words.begin(), "systemctl");
        if (!host_.root)
            words.insert(words.begin() + 1, "--user");
        return words;
    }

    void folder(const fs::path& path, const std::string& why, const std::string& undone) {
        must_suit_a_unit(path);
        plan_.steps.push_back({.kind = Step::Kind::folder,
                               .what = "create the folder " + path.string(),
                               .why = why,
                               .undone = undone,
                               .path = path});
    }

    void folders() {
        const auto& at = plan_.places;
        folder(at.state,
               wish_.way == Way::timer
                   ? "journal, run records, signing key, and the record of this installation"
                   : "the record of this installation",
               "removed when empty");
        if (at.config.parent_path() != at.state)
            folder(at.config.parent_path(), "the configuration", "removed when empty");
        folder(at.keys, "the public keys that backups are encrypted to", "kept, unless it is empty");
        folder(at.backups, "the backups", "kept, unless it is empty");
    }

    void configuration(const std::string& content) {
        const auto& file = plan_.places.config;
        plan_.steps.push_back({.kind = Step::Kind::file,
                               .what = "write " + file.string(),
                               .why = "every option with its default, commented",
                               .undone = "removed, unless you changed it",
                               .path = file,
                               .content = content,
                               .mode = 0600,
                               .belongs_to_user = true});
    }

    void key() {
        const auto& at = plan_.places;
        if (wish_.without_key)
            return;
        if (!wish_.key.empty())
            plan_.steps.push_back(
                {.kind = Step::Kind::public_key,
                 .what = "copy the public key " + wish_.key.string() + " to " + at.keys.string(),
                 .why = "backups are encrypted to it",
                 .undone = kept,
                 .path = at.keys / (wish_.key.stem().string() + ".asc"),
                 .content = wish_.key.string(),
                 .mode = 0600});
        else
            plan_.steps.push_back({.kind = Step::Kind::key_pair,
                                   .what = "make a key pair (RSA " + std::to_string(wish_.key_bits) +
                                           ", no expiration), its public half in " + at.keys.string() +
                                           ", its private half in " + wish_.private_key_out.string(),
                                   .why = "backups are encrypted, and you have no key yet",
                                   .undone = kept,
                                   .path = at.keys / "miraclemax-backup.asc",
                                   .mode = 0600});
    }

    void linger() {
        if (host_.root || host_.lingers || !host_.systemd)
            return;
        plan_.steps.push_back({.kind = Step::Kind::command,
                               .what = "let units of " + host_.user + " run without a login",
                               .why = "else nothing runs at night",
                               .undone = "loginctl disable-linger " + host_.user,
                               .always_due = true,
                               .command = {"loginctl", "enable-linger", host_.user},
                               .undo = {"loginctl", "disable-linger", host_.user},
                               .remedy = "ask an administrator: loginctl enable-linger " + host_.user});
    }

    void socket() {
        const auto enable = systemctl({"enable", "--now", "podman.socket"});
        const auto disable = systemctl({"disable", "--now", "podman.socket"});
        if (!host_.systemd)
            plan_.by_hand.push_back("let podman's API listen: " + spelled(enable));
        else if (!host_.socket_enabled)
            plan_.steps.push_back({.kind = Step::Kind::command,
                                   .what = "enable podman.socket",
                                   .why = "miraclemax talks to podman by it",
                                   .undone = spelled(disable),
                                   .always_due = true,
                                   .command = enable,
                                   .undo = disable,
                                   .remedy = "install podman with its systemd units"});
    }

    void unit(const std::string& name, const std::string& content, const std::string& why) {
        const auto path = plan_.places.units / name;
        must_suit_a_unit(path);
        plan_.steps.push_back({.kind = Step::Kind::file,
                               .what = "write " + path.string(),
                               .why = why,
                               .undone = "removed, unless you changed it",
                               .path = path,
                               .content = content,
                               .mode = 0644,
                               .is_unit = true});
    }

    void reload() {
        if (host_.systemd)
            plan_.steps.push_back({.kind = Step::Kind::command,
                                   .what = "let systemd read its units anew",
                                   .why = "it sees the new ones",
                                   .undone = "again, after they are removed",
                                   .after_units = true,
                                   .command = plan_.reload});
        else
            plan_.by_hand.push_back("let systemd read the units: " + spelled(systemctl({"daemon-reload"})));
    }

    void image_by_hand() {
        if (host_.image == false)
            plan_.by_hand.push_back(
                "the image " + wish_.image +
                " is not there: build it (containerfiles/build.sh) or name another by --image");
    }

    void start_sidecar() {
        const auto start = systemctl({"start", "miraclemax.service"});
        const auto stop = systemctl({"stop", "miraclemax.service"});
        image_by_hand();
        if (!host_.systemd || host_.image == false)
            plan_.by_hand.push_back("start the sidecar: " + spelled(start));
        else
            plan_.steps.push_back(
                {.kind = Step::Kind::command,
                 .what = host_.service_active ? "start the sidecar anew" : "start the sidecar",
                 .why = "it backs up every night, and looks after what is frozen",
                 .undone = spelled(stop),
                 .after_units = host_.service_active,
                 .always_due = !host_.service_active,
                 .command = host_.service_active ? systemctl({"restart", "miraclemax.service"}) : start,
                 .undo = stop,
                 .remedy = "see why: " + spelled(systemctl({"status", "miraclemax.service"})) +
                           "; the image " + wish_.image + " must be there"});
        plan_.by_hand.push_back("check it: podman exec miraclemax miraclemax check");
    }

    void enable_timers() {
        const auto now = [&](const char* act) {
            return systemctl({act, "--now", "miraclemax-backup.timer", "miraclemax-verify.timer"});
        };
        const auto boot = [&](const char* act) { return systemctl({act, "miraclemax-recover.service"}); };
        if (!host_.systemd) {
            plan_.by_hand.push_back("start the timers: " + spelled(now("enable")));
            plan_.by_hand.push_back("look after frozen containers at boot: " + spelled(boot("enable")));
            return;
        }
        if (host_.timer_enabled)
            return;
        for (const bool at_boot : {true, false})
            plan_.steps.push_back(
                {.kind = Step::Kind::command,
                 .what = at_boot ? "enable miraclemax-recover.service" : "enable the timers",
                 .why = at_boot ? "it looks for what was left stopped at each boot" : "they start the runs",
                 .undone = spelled(at_boot ? boot("disable") : now("disable")),
                 .always_due = true,
                 .command = at_boot ? boot("enable") : now("enable"),
                 .undo = at_boot ? boot("disable") : now("disable"),
                 .remedy = "see why: " + spelled(systemctl({"status", "miraclemax-backup.timer"}))});
    }

    const Host& host_;
    const Wish& wish_;
    Plan plan_;
};

} // namespace

Plan make_plan(const Host& host, const Wish& wish) {
    must_be_an_image(wish.image);
    Planner planner(host, wish);
    return wish.way == Way::quadlet ? planner.quadlet()
           : wish.way == Way::timer ? planner.timer()
                                    : planner.compose();
}

} // namespace miraclemax::installation
