#include "catalog/restore_steps.hpp"

#include "catalog/shell_words.hpp"

#include <fmt/format.h>

namespace miraclemax::catalog {

namespace {

// A folder always has an entry of its own, so one entry that is a file is all there is.
bool is_single_file(const ComponentRecord& component) {
    return component.entries.entries == 1 && component.entries.files == 1;
}

std::string option(const ContentSource& source, const char* name) {
    const auto found = source.options.find(name);
    return found == source.options.end() ? std::string() : found->second;
}

// `o=bind`: the data lies in the device's folder, whether the volume is mounted or not.
bool is_bind_volume(const ContentSource& source) {
    const std::string mount = "," + option(source, "o") + ",";
    const std::string type = option(source, "type");
    return (type.empty() || type == "none" || type == "bind") && !option(source, "device").empty() &&
           (mount.find(",bind,") != std::string::npos || mount.find(",rbind,") != std::string::npos ||
            type == "bind");
}

// Only podman can mount it: NFS, tmpfs, image, a volume plugin.
bool needs_mount(const ContentSource& source) {
    return source.kind == "volume" && !is_bind_volume(source) &&
           (source.driver != "local" || !source.options.empty());
}

std::string command(const std::string& line) {
    return "    " + line + "\n";
}

std::string content_of(const StoredFile& file, const Archive& archive) {
    return archive.encryption == "none" ? "cat " + shell_word(file.path)
                                        : "gpg --decrypt " + shell_word(file.path);
}

std::string facts(const ComponentRecord& component, std::size_t number) {
    const ContentSource& source = component.source;
    std::string text = fmt::format("--- {}. {} ({}, priority {}) ---\n\n", number, plain(component.name),
                                   plain(component.category), plain(component.priority));
    text += source.kind == "volume" ? fmt::format("From the podman volume {} (driver {}).\n",
                                                  plain(source.volume), plain(source.driver))
                                    : fmt::format("From the path {} of the host.\n", plain(source.path));
    text += fmt::format("{} entries, {} of content; the archive has {}.\n", component.entries.entries,
                        readable_size(component.entries.bytes), readable_size(component.archive.file.size));
    if (component.archive.encryption == "openpgp") {
        text += "Encrypted; any one of these private keys opens it:\n";
        for (const std::string& fingerprint : component.archive.recipients) {
            text += "  - " + plain(fingerprint) + "\n";
        }
    } else if (component.archive.encryption == "passphrase") {
        text += "Encrypted with a passphrase, which gpg asks for.\n";
    } else {
        text += "Not encrypted.\n";
    }
    if (!component.complete) {
        text += fmt::format(
            "NOT WHOLE: {} entries changed while they were read, {} could not be read. Their names "
            "are in\n{}.\n",
            component.entries.changed, component.entries.unreadable, plain(component.report.path));
    }
    if (!component.freeze.consistent) {
        text +=
            fmt::format("NOT OF ONE MOMENT with the rest of its group {}: another member failed while it was "
                        "read.\n",
                        plain(component.freeze.group));
    }
    return text;
}

std::string stop_users(const ComponentRecord& component) {
    std::string text = "\nStop whatever writes there";
    if (!component.freeze.containers.empty()) {
        text += "; at the time of the backup these containers did:\n\n";
        std::string line = "podman stop --ignore";
        for (const FrozenContainer& container : component.freeze.containers) {
            line += " " + shell_word(container.name);
        }
        return text + command(line);
    }
    text += "; at the time of the backup no container did.\n";
    if (component.source.kind == "volume") {
        text += "These use it now:\n\n" +
                command("podman ps --filter " + shell_word("volume=" + component.source.volume));
    }
    return text;
}

std::string create_volume(const ContentSource& source) {
    const std::string name = shell_word(source.volume);
    std::string text = "\nMake the volume, as it was, if it is not there:\n\n";
    text += command("podman volume exists " + name + " ||");
    text += command("podman volume create --driver " + shell_word(source.driver) + " \\");
    for (const auto& [key, value] : source.labels) {
        text += command("--label " + shell_word(key + "=" + value) + " \\");
    }
    for (const auto& [key, value] : source.options) {
        text += command("--opt " + shell_word(key + "=" + value) + " \\");
    }
    return text + command(name);
}

std::string find_target(const ContentSource& source) {
    if (source.kind != "volume") {
        return command("target=" + shell_word(source.path));
    }
    if (is_bind_volume(source)) {
        return command("target=" + shell_word(option(source, "device")));
    }
    const std::string name = shell_word(source.volume);
    return command(needs_mount(source)
                       ? "target=\"$(podman volume mount " + name + ")\""
                       : "target=\"$(podman volume inspect --format '{{.Mountpoint}}' " + name + ")\"");
}

std::string tar_flag(const Archive& archive) {
    return archive.compression == "gzip" ? " --gzip" : archive.compression == "zstd" ? " --zstd" : "";
}

std::string owner_and_mode(const ContentSource& source) {
    return command(fmt::format("chown {}:{} \"${{target:?}}\"", source.uid, source.gid)) +
           command(fmt::format("chmod {:04o} \"${{target:?}}\"", source.mode & 07777U));
}

std::string restore_file(const ComponentRecord& component) {
    std::string text =
        "\nIt is a single file; what is there now is kept beside it with the ending .before:\n\n";
    text += command("mkdir -p \"$(dirname \"${target:?}\")\"");
    text += command("test ! -e \"${target:?}\" || cp -a \"${target:?}\" \"${target:?}.before\"");
    text += command(content_of(component.archive.file, component.archive) + " |");
    text += command("tar" + tar_flag(component.archive) + " -xOf - > \"${target:?}\"");
    return text + owner_and_mode(component.source);
}

std::string restore_folder(const ComponentRecord& component) {
    std::string text =
        "\nMove what is there now aside, into a new folder beside it (delete that one when all is "
        "well):\n\n";
    text += command("mkdir -p \"${target:?}\"");
    text += command("aside=\"$(mktemp -d \"${target:?}.before-XXXXXX\")\"");
    text += command("find \"${target:?}\" -mindepth 1 -maxdepth 1 -exec mv -t \"${aside:?}\" -- {} +");
    text += "\nUnpack. Every entry keeps owner, mode, times, ACLs and attributes, the root folder too:\n\n";
    text += command(content_of(component.archive.file, component.archive) + " |");
    text += command("tar --xattrs --xattrs-include='*' --acls --numeric-owner" + tar_flag(component.archive) +
                    " -xpf - \\");
    // The first part of each name is the component's: it becomes ".", but not so in the targets of symbolic
    // links.
    text += command("--transform='flags=rSh;s,^[^/]*,.,' -C \"${target:?}\"");
    text += owner_and_mode(component.source);
    if (!component.inventory.path.empty()) {
        const std::string unzip = component.archive.compression == "gzip"   ? " | gunzip"
                                  : component.archive.compression == "zstd" ? " | zstd -d"
                                                                            : "";
        text += "\nCompare with the inventory, where mtree is installed (Debian: mtree-netbsd); silence is "
                "good:\n\n";
        text += command("if command -v mtree > /dev/null; then");
        text += command("  " + content_of(component.inventory, component.archive) + unzip +
                        " | mtree -p \"${target:?}\"");
        text += command("fi");
    }
    return text;
}

} // namespace

std::string restore_steps(const ComponentRecord& component, std::size_t number) {
    const ContentSource& source = component.source;
    std::string text = facts(component, number) + stop_users(component);
    if (component.archive.kind == "delta") {
        text += fmt::format(
            "\nThis archive holds only what changed since the backup {}: unpack that one's first, by "
            "its own\nRESTORE.txt, and do not move it aside below.\n",
            plain(component.archive.base));
    }
    if (source.kind == "volume") {
        if (is_bind_volume(source)) {
            text += "\nThe volume is a bind of a folder of the host, which must exist:\n\n";
            text += command("mkdir -p " + shell_word(option(source, "device")));
        }
        text += create_volume(source);
    }
    text += "\nWhere it goes:\n\n" + find_target(source);
    text += is_single_file(component) ? restore_file(component) : restore_folder(component);
    if (needs_mount(source)) {
        text += "\nGive the volume's mount back:\n\n" +
                command("podman volume unmount " + shell_word(source.volume));
    }
    return text;
}

} // namespace miraclemax::catalog
