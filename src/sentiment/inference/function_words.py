"""Common words of languages written in Latin letters, by ISO 639-1 code: lower case, without marks on letters.

`hr` stands for Bosnian and Serbian too, `hi` for Hindi as chats write it. The list of English has those words
too that are common in another language by accident (die, men, sun): a model of few English texts knows them by it.
"""

WORDS = {
    "en": """a about ad after again against all also although am an and another any anything are around as ask at away
back bad ban bat bay be because been before being ben best bet better between big bin bit bob both bus but by cam came
can cant care co com come could dang day days did didn die dig do does doesn doing don done dont door down during each
either else em even ever every everything face fan fare feel felt few film find first for fri from gave get give go
going gone good gore got great gun ha had ham happy has hat have having he her here hi high him his home hope how
however i if im ima in into is isn it its ive jane just kane keep kim know last left leo let lets life like little long
look looking looks lot love made make makes making man many mate may me meme men met mia might min mine mon more most
movie much must my na need neither never next night no nor not nothing now of off oh ok okay old on once one only or
other our out over own pa par pat people per pie please plus pot pre pro put really right said sam same sat saw say says
sea seal see seen sense shall she should show sin since sis sit size so solo some someone something son still such sun
take ted tell ten than thank thanks that the their them then there these they thing things think this though through thu
til till time to today told tomorrow too took try tue under until up us use used using very via vice vid vs want war was
wasn way we wed week well went were what when where whether which while who why will wish with without won word words
work works world worst would yeah year years yes yesterday yet you your yr yrs""",
    "de": """aber alle alles als am an auch auf aus bei beim bin bist bitte da danke dann das dass dein deine dem den
der des dich die diese diesem diesen dieser dieses dir doch dort du durch ein eine einem einen einer eines einfach
endlich er es etwas euch fur ganz geht gestern gibt gut guten hab habe haben hast hat hatte heute hier ich ihm ihn ihr
ihre ihren im immer in ist ja jede jeder jedes jetzt kann kein keine keinen konnen leider mal man mehr mein meine meinen
mich mir mit morgen muss mussen nach nein nicht nichts nie noch nur oder schon sehr seid sein seine sich sie sind so
soll sollte uber um und uns unser unsere unter viel viele vom von vor war waren warum was weil welche wenn wer werden
wie wieder wieso will wir wird wo wollen wurde wurden zu zum zur""",
    "nl": """aan al alle alles als altijd ben bent bij daar dan dank dat de deze die dit door echt een elk elke en er
erg gaat gebruik geen gewoon gisteren goed haar had heb hebben hebt heeft heel hem het hier hij hoe hoor hun iemand iets
ik in is ja je jij jou jouw jullie kan kunnen kunt lekker lijkt maakt maar maken me meer met mij mijn moet moeten mooi
morgen na naar nee niemand niet niets nog nooit nu of om omdat onder ons onze ook op over te toch tot tussen uit van
vandaag veel voor waar waarom waren was wat we weer weet wel werd werkt wie wij wil willen worden wordt zal ze zich zij
zijn zo zou""",
    "es": """ahi ahora al algo alguien aquel aqui asi aunque ayer bien buen buena bueno cada como con cual cuando de del
desde donde el ella ellos en entre era eran es esa ese eso esta estaba estan estas este esto estos estoy fue gracias
gusta ha haber hace hacer han hasta hay he hoy ir la las le les lo los manana mas me mejor menos mi mis muy nada nadie
ni ningun no nos nosotros nunca otra otro para pero por porque puede pueden puedo pues que quien quiero se sea ser si
siempre sin sobre solo son su sus tambien te tener tengo tiene tienen toda todas todo todos tu un una unas unos usted
ustedes va vamos vez voy ya yo""",
    "pt": """agora algo alguem amanha ao aos aquele aqui as assim ate bem boa bom cada com como da das de desde deste do
dos ela elas ele eles em entre era essa esse esta estao estava este estou eu faz fazer foi foram gosto ha hoje ir isso
isto ja lhe mais mas me melhor menos meu minha muita muito na nada nao nas nem nenhum ninguem no nos nunca obrigada
obrigado onde ontem os ou outra outro para pela pelo pode podem pois por porque posso qual quando que quem quero sao se
seja sem sempre ser seu seus so sobre sua suas tambem te tem tenho ter tinha toda todo todos tu tudo um uma umas uns vai
vamos vez voce voces vou""",
    "gl": """agora algo ao aqui as asi ata ben bo boa cada cal cando como con da das de debe do dos ela eles en era esa
ese esta estan este estea eu facer foi grazas hai hoxe iso isto lle mais me mellor menos meu mina moi na nada nas nin
ninguen no non nos nunca onde os ou outra outro para pero pode poden pola polo por porque que quen se sempre sen ser seu
so sobre son sua tamen te ten tenho ter ti toda todo todos un unha vai vez xa""",
    "fr": """ai aller alors as au aucun aucune aujourd aussi autre autres aux avait avec avez avoir avons bien bon bonne
ca ce cela ces cest cet cette chaque chez comme dans de deja demain des doit donc dont du elle elles en encore entre es
est et etait ete etes etre faire fais fait fois hier hui ici il ils jai jamais je la le les leur leurs lui ma maintenant
mais me meilleur meme merci mes moins mon ne ni nos notre nous on ont ou par parce pas peut peux plus pour pourquoi
pouvez qu quand que quel quelle quelqu quelque qui quoi rien sa sans se ses si sommes son sont sous suis sur ta te tes
ton toujours tous tout toute toutes tres trop tu un une va vais veux vont vos votre vous vraiment""",
    "it": """abbiamo ai al alla alle allo allora altra altro anche ancora andare avere avete aveva bene buon buona che
chi ci come con cosi da dal dalla degli dei del della delle dello di domani dove ed era erano essere fa fare fatto fra
gia gli grazie ha hai hanno ho ieri il in io la le lei lo loro lui ma mai meglio meno mi mia miei mio molto ne nei nel
nella nelle nessuno niente noi non nulla oggi ogni ora per perche piace piu posso possono puo qua qualcosa qualcuno
quale quando quella quello questa queste questi questo qui se sei sempre si sia siamo siete solo sono stata stato su sua
sul sulla suo ti tra tu tua tuo tutta tutte tutti tutto un una uno va vado vi voglio voi volta""",
    "ca": """aixi aixo al algun alguna als altra altre amb aquell aquest aquesta aqui ara avui be bon bona cada com de
del dels des el ell ella els em en ens entre era es esta estan et fa fer fins gracies ha han he hi ja jo la les li mai
menys mes meu meva millor molt ni no nomes nosaltres on per pero perque poden pot quan que qui quin res sempre sense ser
seu seva si sigui sobre son tambe te tenen tinc tot tota totes tots tu un una uns va vegada""",
    "ro": """aceasta acel acest acesta aceste acum ai aici al ale alt alta am are asa au avea avem azi bine bun buna ca
cand care ce ceva cine cineva cu cum daca dar de deja despre din doar ea ei el era este esti eu face fara fi fie fiecare
foarte fost ieri imi in intre isi iti la le lor lui ma mai maine mea mei mereu meu mult multumesc ne nici niciodata
nimeni nimic noi nu pana pe pentru poate pot prin sa sau se si sunt suntem ta te toate tot toti trebuie tu un unde unei
unui va voi""",
    "sv": """aldrig alla allt alltid an annan ar att av bara blev bli blir bra da dar de dem den denna deras dessa det
detta dig din dina ditt du efter eller en er ett fick finns for fran gar genom god gor ha hade han har helt henne hon
honom hos hur idag igar igen imorgon inga ingen inget inte ja jag ju kan kunde maste med mellan men mer mig min mina
mitt mycket nagon nagot nagra nar nej ni nu och ocksa om oss pa sig sin sina sitt ska skulle som tack till under utan
vad valdigt var varfor vem vi vid vill""",
    "da": """af aldrig alle alt altid anden at blev blive bliver dag de dem den denne der deres det dette dig din dine
disse dit du efter eller en er et fik findes for fra gar gennem god godt gor ham han har havde have helt hende her hos
hun hvad hvem hvor hvordan hvorfor igar igen ikke ingen intet ja jeg jer jo kan kun kunne lige ma med meget mellem men
mere mig min mine mit morgen nar nej nogen noget nogle nu og ogsa om os pa sig sin sine sit skal skulle som tak til uden
under vaere var ved vi vil""",
    "no": """aldri alle alltid alt annen at av bare ble bli blir bra dag de deg dem den denne der dere deres det dette
din dine disse ditt du eller en er et etter fikk finnes for fra gar gjennom gjor god ha hadde ham han har helt henne her
hos hun hva hvem hvor hvordan hvorfor igjen ikke ingen ingenting ja jeg jo kan kunne ma med meg mellom men mer min mine
mitt morgen na nar nei noe noen og ogsa om oss pa seg sin sine sitt skal skulle som takk til under uten vaere var ved
veldig vi vil""",
    "is": """ad af aftur aldrei allir allt alltaf bara eda ef eg einnig eitthvad ekkert ekki en engin er eru fra fyrir
geta getur gott hafa hafdi hann hefur hja hun hvad hver hvernig ja ma med meira min minn mitt mjog nei nu og sem skal
takk thad thegar thessi thetta thu til um undir var vera verdur vid vil voru""",
    "fi": """aina ei eika eilen eivat emme en enemman et etta han hanen he heidan huomenna hyva hyvaa hyvin ihan ja jo
joka joku jonka jos jotain jotka kaikki kaikkia kanssa kiitos koska koskaan kuin kukaan kun kylla me meidan mika miksi
mina minua minulla minun missa mita mitaan miten mun mutta myos nama ne niiden niin niita nyt ole olemme olen olet oli
olisi olivat olla oman on ovat paljon pitaa se sen siella sina sinua sinulla sinun sita sitten sun taalla taas tai tama
taman tanaan tata te teidan vain viela voi voit voivat""",
    "et": """aga ainult aitah alati ei eile et hea homme ja jah jalle jaoks juba ka keegi kes koik kui kuidas kunagi kus
ma me meie midagi miks mina minu mis nad need nemad nii ole oled oleme olen oli olla oma on palju peab pole praegu
rohkem sa saa saab seal seda see selle sest siin siis sina sinu ta tana te teie tema vaga veel voi""",
    "pl": """aby albo ale ani bardzo beda bedzie bez bo byc byl byla bylo byly ci cie co cos czy dla dlaczego do dobry
dobrze dzieki dziekuje dzis dzisiaj gdy gdzie go ich im ja jak jej jemu jesli jest jestem jestes jeszcze jutro juz kiedy
kto ktora ktore ktory ktorych ktos lub ma maja mam masz mi miec mnie moge moj moja moje moze mozna musi my na nad nam
nas nawet nic nie nigdy nikt od on ona oni ono oraz po pod przez przy sa sie swoj ta tak takze tam te tego tej ten teraz
tez to tu twoj twoja ty tych tylko tym was wczoraj we wiecej wszyscy wszystko wy za zawsze ze zeby znowu zostal""",
    "cs": """aby ale ani bez bude budou byl byla bylo byt co dekuji diky dnes do dobre dobry ho ja jak jako je jen jenom
jeste ji jich jsem jsi jsou jste kde kdo kdyz ktera ktere ktery ma maji mam mate me mi moje mu muj musi muze my na nad
nam nas ne nebo neco nekdo neni nic nikdo nikdy od on ona oni ono po pod pokud pres pri pro proc protoze se si svuj ta
tady tak take taky tam tato te ted ten tento ti to toto tvoj ty tyto uz vam vas vcera ve velmi vice vsechno vsechny
vsichni vy vzdy za zase ze zitra""",
    "sk": """aby aj ak ako ale alebo ani bez bol bola bolo bude budu byt cez co dakujem dnes do dobre dobry este ho iba
ich ja je ju kde ked kto ktora ktore ktory len ma maju mam mate mi moj moje moze mu musi my na nad nam nas nic nie nieco
niekto nikdy nikto od on ona oni ono po pod pre preco pretoze pri sa si so som ste su svoj ta tak tam tato ten tento
teraz ti tieto tiez to toto tu tvoj ty uz vam vas vcera vdaka velmi viac vo vsetci vsetko vsetky vy vzdy za zajtra zase
ze zo""",
    "hr": """ako ali bez bi bila bilo bio bit biti ce da danas do dobar dobro ga gde gdje hvala ih ili ima imaju imam iz
ja jako je jer jos juce jucer kad kada kako ko koja koje koji kroz li me mi mogu moj moja moje mora moze mu na nad nam
nas ne neko nesto netko ni nije nikad nikada niko nisam nista nitko od on ona oni ono opet ova ovaj ovo po pod pri sa
sada sam samo se si smo ste sto su sutra sve svi svoj ta taj takoder takodjer tamo te ti tko to tu tvoj uvek uvijek vam
vas vec vi vise vrlo za zasto""",
    "sl": """ali bi bil bila bilo biti bo bodo brez ce da danes do dober dobro ga hvala ima imajo imam in iz jaz je jih
jo jutri kaj kako katera kateri kdaj kdo ker ki kje ko lahko me mi moj moja mora mu na nad nam nas ne nekaj nekdo ni nic
nihce nikoli nisem niti od on ona oni pa po pod pri samo se sem si skozi smo so spet ste svoj ta tam te ti to tudi tukaj
tvoj vam vas vceraj vec vedno vi vse vsi za zakaj zdaj ze zelo""",
    "hu": """aki akkor alatt amely ami amikor az azok azt be csak de egy el elott en engem es ez ezek ezt fel ha hogy
hogyan hol holnap igen ilyen is itt jo jobban jol kell ki koszonom kozott le legyen lehet lesz lett ma magat mar meg
mert mi miert mikor minden mindenki mindig mint mit most nagyon neked nekem neki nem nincs ok olyan ott se sem semmi
senki soha szerint te teged tegnap ti tobb ujra utan vagy valaki valami van vannak vele volt""",
    "lt": """aciu ant apie arba as be bet bus buti buvo cia dabar dar daugiau esi esu gali gerai geras iki ir is jai jam
jau jei jeigu ji jie jis jus kad kada kai kaip kas kazkas kodel kur kuri kuris labai man mane mano mes ne nera nes
niekada niekas nieko nuo pat per po prie reikia rytoj savo si sia siandien sio sios sis su ta tai taip tas tau tave tavo
ten tik tu turi uz vakar vel visada visi viskas yra""",
    "lv": """ar ari atkal bet bez bija bus but es esi esmu ir ja jau jo jus ka kad kapec kas kaut kur kura kurs labi
labs lidz loti man mani mans mes nav ne nekad neko neviens no paldies par pec pie rit savu seit si sis so sodien ta
tagad tas tavs tev tevi tikai tu tur un uz vai vairak vajag vakar var vel vienmer vina vini vins visi viss""",
    "sq": """ai ajo asgje askush ata atje cfare dhe dicka dje duhet edhe eshte faleminderit gjitha gjithe gjithmone im
ime ishte jane jo ju ka kam kane kemi keto ketu kjo ku kur kurre kush ky me mire mua mund ne nese neser nga nje nuk ose
per po por pse qe se sepse shume si sot tani te teper ti ty une vetem yt""",
    "tr": """ama artik az bana belki ben bence beni benim bile bir biz bize bizi bizim bu bugun buna bunu cok cunku da
daha de degil diye dogru dun eden eder edin eger en etmek etti evet fakat geldi gercekten gibi gitti gore guzel hangi
hayir hep her hic hicbir icin ile iste iyi kac kadar kendi ki kim lutfen mi mu nasil ne neden nerede niye olabilir
olacak olan olarak oldu oldugu olmak olsun olur ona once onlar onu onun sadece sana sen seni senin sey seyi simdi siz
size sizi sizin sonra su sunu tamam tekrar tesekkurler var ve veya ya yani yarin yine yok zaten""",
    "az": """amma artiq beli belke biler bir biz bizim bu bunu cox cunki da daha de deyil dunen edin eger en etmek evvel
gun hansi harada hec her ile indi ki kim kimi men mene meni menim ne nece niye ola olan olaraq oldu oldugu olmaq olsun
olur onlar onu onun oz qeder sabah sen sene seni senin sey siz sonra ucun var ve xeyr ya yalniz yaxsi yene yox""",
    "id": """ada adalah aja akan aku anda antara apa atau bagaimana bagus baik banget banyak belum besok bisa buat bukan
dalam dan dapat dari deh dengan di dia dong ga gak hanya hari harus ia ingin ini itu jangan jika juga kalau kami kamu
kapan karena kasih ke kemarin kenapa kita kok ku lagi lah lain lebih mana masih mau mengapa mereka mu nggak nya oleh
orang pada paling pernah saja sampai sangat satu saya sebuah sedang sekarang selalu semua sendiri seperti sesuatu setiap
siapa sih sudah tanpa tapi telah tentang terima tersebut tetapi tidak udah untuk ya yang""",
    "ms": """ada adalah akan anda apa atau awak bagaimana baik banyak belum bila boleh bukan dalam dan dapat dari dengan
di dia esok hanya hari ingin ini itu jangan jika juga kami kasih ke kenapa kerana kita lagi lain lebih mahu mana masih
mereka mesti nak oleh orang pada paling sahaja sampai sangat satu saya sedang sekarang selalu semua sendiri seperti
setiap siapa sudah tak telah terima tetapi tidak untuk ya yang""",
    "tl": """akin ako amin ang ano at ay ba bakit bawat bukas dahil din dito doon gusto hindi ikaw ito iyan iyo iyon ka
kahapon kahit kailan kami kanya kasi kay kayo ko kung lagi lahat lang mabuti maganda mas may mayroon mga mo na naman
natin ng nga ngayon oo opo pa paano pang para pero po rin sa saan salamat sila sino siya sobrang talaga tayo wala yun
yung""",
    "vi": """ai anh ay ban bay bi ca cai cam chi cho chua chung co con cua cung da dang dau day den do duoc em gi gio
giua hai hay ho hoac hom hon khi khong kia la lai lam luon ma mai minh moi mot nao nay neu ngoai nguoi nhat nhieu nhu
nhung no on phai qua rat roi sao se ta tat the thi toi tot tren trong tu va vang ve vi voi""",
    "hi": """aaj aap abhi accha acha agar apna apni aur bahot bahut bhai bhi bohot gaya gayi hai hain hi ho hoga hogi
hota hoti hum humko is iska jab ka kab kahan kaise kal kar karna karo kaun ke ki kiya ko koi kuch kya kyon kyu kyun
kyunki lekin magar mai mein mera mere meri mujhe nahi nahin nhi par phir raha rahe rahi sab sabse se sirf tab tera teri
tha the thi toh tujhe tum tumhara unka us uska wo woh ya yaar ye yeh""",
    "sw": """alikuwa ambaye ambayo ana asante au cha daima hadi hapa hapana haya hii hilo hiyo hizi huko huyo ilikuwa
ina inaweza jana kama katika kesho kila kutoka kuwa kwa kwanini la lakini lazima leo lini mimi na nani ndiyo ni nina
nini ninyi nzuri pia sababu sana sasa si sisi tu una vipi vya wa wana wao wapi wewe wote ya yeye yote za zaidi""",
    "af": """aan alle alles altyd as baie by daar daardie dan dankie deur die ek en geen gister goed haar het hier
hierdie hoe hoekom hom hul hulle hy iets in is ja jou julle jy kan maar met moet more my na nee nie niks nog nooit nou
of om omdat onder ons ook oor op sal sy te uit van vandag vir waar was wat weer wie wil word""",
    "cy": """ac am ar beth ble bob bod bydd chi da dim diolch dros dy ef ei eich ein eu fi fy gall gallwch gan gyda heb
heddiw hefyd hi hon hwn hyn iawn mae mwy nawr neu nhw ni nid oedd oherwydd ond os pam pob popeth pryd pwy rhaid sut sydd
ti wedi yma yn yr yw""",
    "eu": """asko atzo bai baina bakarrik bat behar beti bihar da dago daude dena dezu dira ditu du dut dute edo egin
ere eskerrik eta ez gaur gehiago gu guztiak haiek hau hemen hori hura inoiz izan ni noiz nola non nor ongi orain oso zen
zer zergatik ziren zu zuek zuen""",
    "ga": """ach ag agus an anois ar as beidh bheith bhi ca cad cathain ce conas de do faoi freisin gach gan go inniu is
le maith mar me mo na ni nil nios no raibh se seo si siad sibh sin sinn ta tu""",
}
