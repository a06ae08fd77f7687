[CmdletBinding(SupportsShouldProcess, ConfirmImpact = 'High')]
param(
    # The domain controller to ask and to change; changes of other domains are left for another run.
    [string] $Server,
    # Which changes: those that add, or those that take away once the test migrations have passed.
    [ValidateSet('Additions', 'AfterTests')]
    [string] $Phase = 'Additions',
    # Where the transcript and the state before go.
    [string] $LogFolder = (Join-Path $PSScriptRoot 'log')
)
