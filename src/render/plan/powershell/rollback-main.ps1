
$null = New-Item -ItemType Directory -Path $LogFolder -Force -WhatIf:$false -Confirm:$false
$stamp = Get-Date -Format 'yyyyMMdd-HHmmss'
$null = Start-Transcript -LiteralPath (Join-Path $LogFolder "rollback-$stamp.log") -WhatIf:$false -Confirm:$false
try {
    Write-Host "Way back of the plan of bundle $bundle ($bundleHash)"
    if ($BeforeState) {
        $saved = Get-Content -LiteralPath $BeforeState -Raw -Encoding UTF8 | ConvertFrom-Json
        if ($saved.hash -ne $bundleHash) { throw "$BeforeState belongs to another bundle: $($saved.bundle)." }
        if ($saved.phase -ne 'Additions') { throw "$BeforeState is not of the first run: give the oldest before-apply file." }
        foreach ($object in $saved.objects) {
            $kept[$object.dn] = @($object.allowedToDelegateTo)
            $keptControl[$object.dn] = $object.userAccountControl
        }
    }
    $mine = @($changes | Where-Object { Test-Domain -Domain $_.Domain })
    $wanted = @($mine | Where-Object { $_.AfterTests -or ($Phase -eq 'All') })
    $open = @()
    if ($wanted.Count -gt 0) {
        $open = @(Find-OpenChange -Items $wanted)
        Save-State -Path (Join-Path $LogFolder "before-rollback-$stamp.json")
    }
    if ($open.Count -gt 0) { Invoke-OpenChange -Items $open }
    else { Write-Host 'There is nothing to take back.' }
    foreach ($item in $changes) {
        if ($mine -notcontains $item) { Write-Host "Step $($item.Step) is of the domain $($item.Domain): run again with a -Server of it" }
    }
    foreach ($item in $byHand) { Write-Host "Step $($item.Step) is not taken back by this script, see plan.md: $($item.Title)" }
    Write-Host 'Then let the hosts forget their tickets: klist purge -li 0x3e7 on each, or 15 minutes of patience.'
}
finally { $null = Stop-Transcript }
