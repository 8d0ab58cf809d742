# What belongs to the program when it is installed: its other names, the manual, completion, units, hooks; and
# CPack's deb and rpm. Build one: cmake --build BUILD && cpack --config BUILD/CPackConfig.cmake -G DEB
set(share ${PROJECT_BINARY_DIR}/share)
file(MAKE_DIRECTORY ${share}/completion)

foreach(name pai-miraclemax-backup pai-miraclemax-restore pai-miraclemax-backup-install)
    file(CREATE_LINK miraclemax ${share}/${name} SYMBOLIC)
    install(FILES ${share}/${name} DESTINATION ${CMAKE_INSTALL_BINDIR})
endforeach()

# Made by the program itself. OPTIONAL: who builds the one target `miraclemax` installs it without them.
if(TARGET miraclemax AND NOT CMAKE_CROSSCOMPILING AND NOT MIRACLEMAX_FUZZ)
    set(made)
    function(write_by_program file)
        add_custom_command(
            OUTPUT ${share}/${file}
            COMMAND miraclemax ${ARGN} > ${share}/${file}
            DEPENDS miraclemax
            COMMENT "Writing ${file}"
            VERBATIM)
        set(made ${made} ${share}/${file} PARENT_SCOPE)
    endfunction()
    write_by_program(miraclemax.1 man)
    write_by_program(miraclemax.bash completion bash)
    write_by_program(_miraclemax completion zsh)
    write_by_program(miraclemax.fish completion fish)
    add_custom_target(documents ALL DEPENDS ${made})
endif()
install(FILES ${share}/miraclemax.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1 OPTIONAL)
set(completions ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)
install(FILES ${share}/miraclemax.bash DESTINATION ${completions} RENAME miraclemax OPTIONAL)
install(FILES ${share}/_miraclemax DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/vendor-completions OPTIONAL)
install(FILES ${share}/miraclemax.fish DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d OPTIONAL)
foreach(name pai-miraclemax-backup pai-miraclemax-restore pai-miraclemax-backup-install)
    file(WRITE ${share}/${name}.1 ".so man1/miraclemax.1\n")
    install(FILES ${share}/${name}.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
    # Both shells look a program's completion up by its name.
    file(CREATE_LINK miraclemax ${share}/completion/${name} SYMBOLIC)
    install(FILES ${share}/completion/${name} DESTINATION ${completions})
    file(CREATE_LINK miraclemax.fish ${share}/completion/${name}.fish SYMBOLIC)
    install(FILES ${share}/completion/${name}.fish DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d)
endforeach()

set(examples ${CMAKE_INSTALL_DATADIR}/doc/miraclemax)
install(DIRECTORY hooks/ DESTINATION ${CMAKE_INSTALL_DATADIR}/miraclemax/hooks USE_SOURCE_PERMISSIONS)
install(DIRECTORY compose/quadlet DESTINATION ${examples})
install(FILES compose/miraclemax.yml README.md DESTINATION ${examples})
install(FILES LICENSE DESTINATION ${examples} RENAME copyright)

set(CPACK_PACKAGE_NAME miraclemax)
set(CPACK_PACKAGE_VENDOR miraclemax)
set(CPACK_PACKAGE_CONTACT "miraclemax <root@localhost>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "Backs up the labelled volumes of a Podman host")
set(CPACK_PACKAGE_DESCRIPTION
    "Freezes the containers that write to a volume for as short as possible, streams the volume into a\ncompressed, OpenPGP-encrypted tar archive, and publishes a backup that gpg and tar alone can open.")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_VERBATIM_VARIABLES ON)
set(CPACK_GENERATOR DEB)
find_program(RPMBUILD rpmbuild)
if(RPMBUILD)
    list(APPEND CPACK_GENERATOR RPM)
endif()

set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION admin)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_DEPENDS "gpg, gpg-agent, gpgconf, tzdata")
set(CPACK_DEBIAN_PACKAGE_RECOMMENDS "podman, ca-certificates")
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)

set(CPACK_RPM_FILE_NAME RPM-DEFAULT)
set(CPACK_RPM_PACKAGE_LICENSE Apache-2.0)
set(CPACK_RPM_PACKAGE_AUTOREQ ON)
set(CPACK_RPM_PACKAGE_REQUIRES "gnupg2, tzdata")
set(CPACK_RPM_PACKAGE_SUGGESTS podman)
set(CPACK_RPM_EXCLUDE_FROM_AUTO_FILELIST_ADDITION
    /usr/share/bash-completion /usr/share/bash-completion/completions /usr/share/fish
    /usr/share/fish/vendor_completions.d /usr/share/zsh /usr/share/zsh/vendor-completions /usr/share/man
    /usr/share/man/man1 /usr/share/doc)
include(CPack)
