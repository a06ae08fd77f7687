#Requires -Version 5.1
<#
.SYNOPSIS
    Gathers what kcdoctor needs to tell why Hyper-V Live Migration fails, and writes it into one zip.

.DESCRIPTION
    Run this script once, on one node, in an elevated 64-bit Windows PowerShell 5.1 or PowerShell 7, as a user who
    is an administrator of the hosts and, for the log of a domain controller, of that too. It needs no module beyond
    what a Hyper-V host has: the directory is read by LDAP through .NET.

    It gathers from every node of the cluster (and from -ComputerName): event logs of the last -Days days, settings
    of Hyper-V, installed updates, the values that gate security hardenings, the state of the clock, of the secure
    channel and of the machine's Kerberos tickets. From domain controllers: the same, and the Security log reduced to
    tickets and changes of accounts. From the directory: the computer objects of these machines.

    It reads only. All that it writes is one temporary folder on each machine, which it removes, and the zip.

    It never reads passwords, password hashes, LAPS or BitLocker attributes: the directory is asked for a fixed list
    of attributes, and keys of Kerberos tickets are not exported. The zip does hold names of hosts, users, virtual
    machines and addresses; look at it before you send it on.

    What fails costs itself only, and stands in the manifest kcdoctor-collect.json with its error.

.PARAMETER ComputerName
    Hosts to gather from beside the nodes of this machine's cluster. Without a cluster and without this: this machine.

.PARAMETER DomainController
    Domain controllers to gather from. Without this: those of this machine's domain in its Active Directory site.

.PARAMETER MigrationUser
    Account names of the administrators who start migrations. The user who runs this script is always included.

.PARAMETER Days
    How many days back event logs are read.

.PARAMETER OutputFolder
    Where the zip is written. Without this: the current folder.

.PARAMETER NoSecurityLog
    Leaves the Security log of domain controllers out. kcdoctor then can't see which tickets were refused, nor who
    changed a delegation.

.EXAMPLE
    .\kcdoctor-collect.ps1

.EXAMPLE
    .\kcdoctor-collect.ps1 -ComputerName HV01, HV02 -DomainController DC01 -MigrationUser adm-jones -Days 60
#>
[CmdletBinding()]
param(
    [string[]]$ComputerName = @(),
    [string[]]$DomainController = @(),
    [string[]]$MigrationUser = @(),
    [ValidateRange(1, 365)][int]$Days = 30,
    [string]$OutputFolder = '',
    [switch]$NoSecurityLog
)

Set-StrictMode -Version 2.0
$ErrorActionPreference = 'Stop'
$ProgressPreference = 'SilentlyContinue'

# Seconds in which a host must answer, and minutes in which all hosts must be done.
$AnswerSeconds = 5
$PatienceMinutes = 90

