#include "config/options.hpp"

namespace miraclemax::config {

std::string example_config() {
    std::string text =
        "# miraclemax: every option with its default. The file may be empty; an unknown key is an error.\n"
        "# Each option can also be set by the variable named beside it (a list: separated by commas),\n"
        "# and the variable wins. Lives at /etc/miraclemax/config.yml.\n";
    std::string before;
    for (const auto& option : options()) {
        text += "\n";
        std::string indent;
        std::size_t begin = 0;
        for (auto dot = option.key.find('.'); dot != std::string::npos; dot = option.key.find('.', begin)) {
            // A section, and one within it, is opened once: its options follow one another.
            if (!before.starts_with(option.key.substr(0, dot + 1)))
                text += indent + option.key.substr(begin, dot - begin) + ":\n";
            indent += "  ";
            begin = dot + 1;
        }
        before = option.key;
        text += indent + "# " + option.text + "\n";
        text += indent + "# (" + option.type + "; " + option.variable() + ")\n";
        text += indent + option.key.substr(begin) + ": " + option.standard + "\n";
    }
    text += R"(
# Volumes by name and host paths that are backed up beside what labels select, and what overrides labels (the
# stricter `encryption` wins). `volume` or `path`, and any of the words below; each is as its label, and `keep`
# has the rules of `retention` for this component, which hold where `keep` does not name them.
components: []
#components:
#  - path: /home/me/homeassistant-config
#    component: homeassistant
#    category: infrastructure
#    priority: high               # critical, high, medium, low: the order of backup and restore
#    encryption: required         # required, optional, never
#    exclude: ["*.log", "tts/"]
#    keep: {days: 90, monthly: 12}
#  - volume: n8n-data
#    backup: "true"               # true; optional: only with --full; false: left out
#    quiesce: auto                # auto, pause, stop, none
#    group: n8n                   # components of one group are frozen together
#    max_freeze: 30s              # longer than this, and the group is released and fails

# Further places where the backups are kept: mounted shares or second disks. Each is set up once, by `miraclemax
# replicate --init`. `keep` has the rules of `retention` for what lies there, which hold where it does not name
# them.
tiers: []
#tiers:
#  - name: nas
#    folder: /mnt/nas/miraclemax
#    keep: {days: 90}
)";
    return text;
}

} // namespace miraclemax::config
